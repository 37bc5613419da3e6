// A GPT of letters goes on with the reader's text: the next letter's distribution, what temperature, top-k and top-p make of
// it, and what the last place looks at.
(() => {
  "use strict";
  const { html, titled, show, row, stack, map, take, add, affine, softmax, layerNorm, named } = D2L;
  const SHOWN = 12, AT_ONCE = 60, PAUSE = 25; // bars; letters of one press; milliseconds between them
  const seen = (letter) => (letter === " " ? "\u2423" : letter);

  // ----------------------------------------------------------------------------------------------------------- the model
  const gelu = (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  const lastRows = (x, count) => take(x, Array.from({ length: count }, (_, i) => x.shape[0] - count + i));

  // x + attention(norm(x)), then x + network(norm(x)), of the last places alone, which ask all before them
  function layer(part, heads, x, count) {
    const y = layerNorm(x, part.norm_1_gamma, part.norm_1_beta);
    const query = affine(lastRows(y, count), part.W_q, part.b_q), key = affine(y, part.W_k, part.b_k), value = affine(y, part.W_v, part.b_v);
    const { context, weights } = D2L.attend(heads, query, key, value, true);
    const z = add(lastRows(x, count), affine(context, part.W_o, part.b_o));
    const hidden = map(affine(layerNorm(z, part.norm_2_gamma, part.norm_2_beta), part.W_1, part.b_1), gelu);
    return { x: add(z, affine(hidden, part.W_2, part.b_2)), weights: weights.map((rows) => rows.at(-1)) };
  }

  // The last letters that the network has places for -> logits of the next one, and what the last place looks at in each layer
  function logits(net, text) {
    const read = text.slice(-net.places), weights = [];
    let x = stack(read.map((letter, place) => add(take(net.E, [net.letters.indexOf(letter)]), take(net.P, [place]))));
    for (let l = 0; l < net.layers; l++) {
      const found = layer(named(net, `layer_${l}_`), net.heads, x, l === net.layers - 1 ? 1 : x.shape[0]);
      x = found.x;
      weights.push(found.weights);
    }
    return { z: [...affine(layerNorm(x, net.norm_gamma, net.norm_beta), net.E).data], weights };
  }

  // p ~ exp(z / T); then the k likeliest; then the likeliest, as few as have p together
  function truncated(z, { temperature, topK, topP }) {
    const p = [...softmax(row(z.map((one) => one / temperature))).data], order = p.map((_, i) => i).sort((a, b) => p[b] - p[a]);
    const share = (kept) => {
      const total = kept.reduce((sum, one) => sum + one, 0);
      return kept.map((one) => one / total);
    };
    const likeliest = share(p.map((one) => (one >= p[order[Math.min(topK, p.length) - 1]] ? one : 0)));
    if (topP >= 1) return likeliest;
    const kept = likeliest.map(() => 0);
    for (let k = 0, before = 0; k < order.length && before < topP; before += likeliest[order[k]], k++) kept[order[k]] = likeliest[order[k]];
    return share(kept);
  }

  function compute(net, { text, ...how }) {
    const { z, weights } = logits(net, [...(text || " ")]);
    return { probabilities: truncated(z, { temperature: 1, topK: z.length, topP: 1 }), drawn: truncated(z, how), weights };
  }

  // ------------------------------------------------------------------------------------------------------------- drawing
  // A number from 0 to 1 for each draw, the same for the same draw (mulberry32)
  function uniform(draw) {
    let a = (draw * 0x9e3779b9 + 0x6d2b79f5) | 0;
    a = Math.imul(a ^ (a >>> 15), a | 1);
    a ^= a + Math.imul(a ^ (a >>> 7), a | 61);
    return ((a ^ (a >>> 14)) >>> 0) / 4294967296;
  }
  function draw(view) {
    const { state } = view.figure, p = view.result.drawn, u = uniform(state.draws++);
    let sum = 0, found = p.findIndex((one) => (sum += one) > u);
    if (found < 0) found = p.findLastIndex((one) => one > 0); // what rounding leaves
    write(view, found);
  }
  function write(view, number) {
    const letter = view.network.letters[number], p = view.result.probabilities[number];
    view.said = `Written: \u201c${seen(letter)}\u201d, which had p = ${show(p, 2)}.`;
    view.figure.update((view.figure.state.text += letter));
  }

  function stop(view) {
    clearTimeout(view.timer);
    view.timer = null;
    view.on.textContent = "Write on";
  }
  function writeOn(view) {
    if (view.timer) return stop(view);
    view.on.textContent = "Stop";
    const step = (left) => {
      draw(view);
      const over = !left || view.figure.state.text.endsWith(".") || !view.figure.root.isConnected;
      view.timer = over ? stop(view) : setTimeout(step, PAUSE, left - 1);
    };
    step(AT_ONCE - 1);
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights, said: "", timer: null };
    const left = html(live, "div", { class: "picture photographed" });
    buildText(view, left);
    buildBars(view, left);
    const panel = html(live, "div", { class: "panel" });
    buildSliders(view, panel);
    buildLook(view, panel);
    const { trained, loss, layers, heads, places } = view.network, count = trained.toLocaleString("en");
    html(live, "p", { class: "hint" }, `${layers} layers, ${heads} heads, the last ${places} letters; trained on ${count} letters of Python's own documentation. On topics that it has not read it loses ${loss.toFixed(2)} nats a letter.`);
    return view;
  }

  function change(view, changed) {
    Object.assign(view.figure.state, changed);
    view.figure.update();
  }

  function buildText(view, parent) {
    const id = `${view.figure.root.id}-text`, { ready, letters } = view.network;
    titled(parent, "The text so far", id);
    view.text = html(parent, "input", { type: "text", id, spellcheck: "false", autocapitalize: "off", autocorrect: "off" });
    view.text.addEventListener("input", () => {
      stop(view);
      const known = [...view.text.value].filter((letter) => letters.includes(letter)), lost = [...view.text.value].filter((letter) => !letters.includes(letter));
      view.said = lost.length ? `The network has never seen \u201c${lost.at(-1)}\u201d.` : "";
      change(view, { text: known.join("") });
    });
    const line = html(parent, "div", { class: "tokens small acts" });
    D2L.button(line, "Draw a letter", () => { stop(view); draw(view); });
    view.on = D2L.button(line, "Write on", () => writeOn(view));
    D2L.button(line, "Take one back", () => { stop(view); view.said = ""; change(view, { text: view.figure.state.text.slice(0, -1) }); });
    view.status = html(parent, "p", { role: "status", class: "said" });
    const starts = Object.fromEntries(ready.map((text) => [text, text]));
    view.ready = D2L.tokens(parent, "A start", starts, (text) => { stop(view); view.said = ""; change(view, { text, draws: 1 }); });
    view.ready.group.classList.add("small");
  }

  function buildLook(view, parent) {
    const { layers, heads } = view.network, part = html(parent, "div", { class: "look" });
    titled(part, "What the last place looks at");
    view.strip = html(part, "p", { class: "strip", role: "img" });
    const line = html(part, "div", { class: "choices" });
    const numbers = (count) => Object.fromEntries(Array.from({ length: count }, (_, k) => [k, `${k + 1}`]));
    const choose = (label, choices, name) => {
      const box = html(line, "div", { class: "choice" });
      html(box, "span", {}, label);
      const made = D2L.tokens(box, label, choices, (value) => change(view, { [name]: value === "mean" ? value : Number(value) }));
      made.group.classList.add("small");
      return made;
    };
    view.layers = choose("Layer", numbers(layers), "layer");
    view.heads = choose("Head", { mean: "mean", ...numbers(heads) }, "head");
  }

  function buildSliders(view, panel) {
    const part = html(panel, "div"), count = view.network.letters.length;
    view.sliders = [
      ["temperature", "Temperature", 0.1, 2, 0.05, (value) => show(value, 2)],
      ["topK", "Top-k", 1, count, 1, (value) => (value >= count ? "all" : `${value}`)],
      ["topP", "Top-p", 0.05, 1, 0.05, (value) => (value >= 1 ? "all" : show(value, 2))],
    ].map(([name, words, min, max, step, written]) => {
      const id = `${view.figure.root.id}-${name}`, told = titled(part, words, id);
      const slider = html(part, "input", { type: "range", id, min, max, step });
      slider.addEventListener("input", () => change(view, { [name]: Number(slider.value) }));
      return { name, told, slider, written };
    });
  }

  // A row a letter, likeliest first: thin is p as it is, thick what is drawn from; a press writes the letter
  function buildBars(view, parent) {
    const part = html(parent, "div", { class: "next" });
    view.left = titled(part, "The next letter");
    D2L.legend(part, [["as it is", '<rect class="plain" y="2" width="22" height="3"/>'], ["drawn from", '<rect class="drawn" y="2" width="22" height="9"/>']]);
    const list = html(part, "div", { class: "letters" });
    view.bars = Array.from({ length: Math.min(SHOWN, view.network.letters.length) }, (_, k) => {
      const node = D2L.button(list, "", () => { stop(view); write(view, view.order[k]); }), letter = html(node, "span", { class: "name" });
      const track = html(node, "span", { class: "track" }), [plain, drawn] = ["plain", "drawn"].map((name) => html(track, "i", { class: name }));
      return { node, letter, plain, drawn, number: html(node, "span", { class: "number" }) };
    });
  }

  // --------------------------------------------------------------------------------------------------------------- draw
  function render(view, result, state) {
    view.result = result;
    if (view.text.value !== state.text) {
      view.text.value = state.text;
      view.text.scrollLeft = view.text.scrollWidth;
    }
    view.ready.choose(state.text);
    view.layers.choose(String(state.layer));
    view.heads.choose(String(state.head));
    view.status.textContent = view.said;
    for (const { name, told, slider, written } of view.sliders) {
      slider.value = state[name];
      told.textContent = written(state[name]);
      slider.setAttribute("aria-valuetext", told.textContent);
    }
    drawBars(view, result);
    drawStrip(view, result, state);
  }

  function drawBars(view, { probabilities, drawn }) {
    const kept = drawn.filter((one) => one > 0).length;
    view.order = probabilities.map((_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]);
    view.left.textContent = `${kept} left of ${drawn.length}`;
    view.bars.forEach(({ node, letter, plain, drawn: bar, number }, k) => {
      const i = view.order[k], name = seen(view.network.letters[i]);
      letter.textContent = name;
      plain.style.width = `${(100 * probabilities[i]).toFixed(1)}%`;
      bar.style.width = `${(100 * drawn[i]).toFixed(1)}%`;
      number.textContent = show(drawn[i], 2);
      node.classList.toggle("cut", drawn[i] === 0);
      node.setAttribute("aria-label", `write ${name === "\u2423" ? "a blank" : name}: as it is ${show(probabilities[i], 2)}, drawn with ${show(drawn[i], 2)}`);
    });
    view.figure.root.dataset.next = view.network.letters[view.order[0]];
  }

  // The letters that it reads, each with a tint as strong as its weight, beside the largest
  function drawStrip(view, { weights }, { text, layer: asked, head }) {
    const heads = weights[asked], mean = heads[0].map((_, k) => heads.reduce((sum, one) => sum + one[k], 0) / heads.length);
    const alpha = head === "mean" ? mean : heads[head], largest = Math.max(...alpha), letters = [...(text || " ")].slice(-view.network.places);
    view.strip.replaceChildren();
    letters.forEach((letter, k) => {
      const node = html(view.strip, "span", { title: `${seen(letter)} ${show(alpha[k], 2)}` }, letter === " " ? "\u00a0" : letter);
      node.style.setProperty("--share", `${(100 * alpha[k] / largest).toFixed(0)}%`);
    });
    const top = alpha.indexOf(largest);
    view.strip.setAttribute("aria-label", `the last place looks most at \u201c${seen(letters[top])}\u201d, ${letters.length - 1 - top} places before it, with weight ${show(largest, 2)}`);
  }

  const initial = (net) => ({ text: net.ready[0], temperature: 1, topK: net.letters.length, topP: 1, layer: 0, head: "mean", draws: 1 });
  D2L.addFigure("gpt", { initial, build, compute, draw: render });
})();

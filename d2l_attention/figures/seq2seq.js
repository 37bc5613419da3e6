// Two networks translate the sentence that the reader writes: the German words, and the weights of each on the English ones.
(() => {
  "use strict";
  const { html, svg, set, titled, show, row, stack, map, take, add, affine, matmul, transpose, softmax } = D2L;
  const START = 2, END = 3; // as in datasets.translation
  const NETWORKS = { dot: "with attention", none: "without" };
  const PLACES = { replaces: "replaces it", before: "goes before it", behind: "goes behind it" };
  const LIKELIEST = 4; // words
  const FAINT = 0.03; // lighter than this, no line

  // ----------------------------------------------------------------------------------------------------------- the model
  const longest = (count) => 2 * count + 10; // German words for so many English ones
  const numberOf = (words, word) => {
    if (!words.includes(word)) throw new Error(`\u201c${word}\u201d is none of the words`);
    return words.indexOf(word);
  };

  // h_i = LSTM([x_i, 1], h_{i-1}), from zero, without biases: all h (n, d), and the last state
  function read({ E_x, read_x: W_x, read_h: W_h }, numbers) {
    const none = row(new Float64Array(W_x.shape[0])), zero = row(new Float64Array(W_h.shape[1])), states = [];
    let state = { h: zero, c: zero };
    for (const number of numbers) {
      state = D2L.lstmStep(row([...take(E_x, [number]).data, 1]), state, { W_x, b_x: none, W_h, b_h: none });
      states.push(state.h);
    }
    return { keys: stack(states), state };
  }

  // s_t = LSTM(y_{t-1}, s_{t-1}); c_t = sum_i alpha(s_t, h_i) h_i; p = softmax(W_s tanh(W_c c_t + W_h s_t)), or softmax(W_s s_t)
  function step(part, last, before, keys) {
    const { write_x: W_x, write_bx: b_x, write_h: W_h, write_bh: b_h } = part;
    const state = D2L.lstmStep(take(part.E_y, [last]), before, { W_x, b_x, W_h, b_h });
    if (!part.W_c) return { state, p: [...softmax(affine(state.h, part.W_s, part.b_s)).data] };
    const alpha = softmax(matmul(state.h, transpose(keys))); // (1, n)
    const s = map(add(affine(matmul(alpha, keys), part.W_c), affine(state.h, part.W_h)), Math.tanh); // (1, d)
    return { state, p: [...softmax(affine(s, part.W_s, part.b_s)).data], alpha: [...alpha.data] };
  }

  // The likeliest word, again and again: numbers (T) with END last, probabilities (T, V), weights (T, n) or null
  function compute(network, { sentence, attention }) {
    const named = Object.entries(network).filter(([name]) => name.startsWith(`${attention}_`));
    const part = Object.fromEntries(named.map(([name, array]) => [name.slice(attention.length + 1), array]));
    const found = { symbols: [], probabilities: [], weights: attention === "none" ? null : [] };
    if (!sentence.length) return found;
    let { keys, state } = read(part, sentence.map((word) => numberOf(network.words.english, word))), last = START;
    while (last !== END && found.symbols.length < longest(sentence.length)) {
      const next = step(part, last, state, keys);
      last = next.p.indexOf(Math.max(...next.p));
      state = next.state;
      found.symbols.push(last);
      found.probabilities.push(next.p);
      found.weights?.push(next.alpha);
    }
    return found;
  }

  // ------------------------------------------------------------------------------------------------------ what is written
  // `chosen`: the English word that the next tap changes; `written`: so many German words are shown; `looked`: at which of them
  function opened(network, name) {
    return { ready: name, sentence: network.ready[name][0].split(" "), chosen: 1, place: "replaces", attention: "dot", written: Infinity, looked: 0 };
  }

  // What a tap on an offered word does; the words that say why it cannot, or ""
  function put({ longest: most }, state, word) {
    const { sentence, chosen, place } = state;
    if (place === "replaces" && sentence.length) {
      sentence[chosen] = word;
    } else {
      if (sentence.length >= most) return `A sentence has at most ${most} words and marks here: remove one first.`;
      state.chosen = sentence.length && place === "behind" ? chosen + 1 : chosen;
      sentence.splice(state.chosen, 0, word);
    }
    state.ready = "";
    return "";
  }

  function remove(state) {
    state.sentence.splice(state.chosen, 1);
    state.chosen = Math.max(0, Math.min(state.chosen, state.sentence.length - 1));
    state.ready = "";
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights };
    buildChoices(view, html(live, "div", { class: "wide choices" }));
    const left = html(live, "div", { class: "picture photographed" });
    buildAlignment(view, left);
    buildSteps(view, html(left, "div", { class: "tokens steps" }));
    view.translation = html(left, "p", { class: "translation", role: "status" });
    view.likeliest = titled(left, "The likeliest words");
    view.bars = html(left, "div", { class: "bars" });
    buildWriter(view, html(live, "div", { class: "panel" }));
    buildShares(view, html(live, "div", { class: "wide shares" }));
    return view;
  }

  function change(view, changed) {
    Object.assign(view.figure.state, changed);
    view.figure.update();
  }

  function buildChoices(view, parent) {
    const names = Object.fromEntries(Object.keys(view.network.ready).map((name) => [name, name]));
    const open = (name) => change(view, { ...opened(view.network, name), attention: view.figure.state.attention });
    const sentences = html(parent, "div");
    titled(sentences, "Sentence");
    view.ready = D2L.tokens(sentences, "Sentence", names, open);
    const networks = html(parent, "div");
    titled(networks, "Network");
    view.networks = D2L.tokens(networks, "Network", NETWORKS, (attention) => change(view, { attention }));
    for (const { group } of [view.ready, view.networks]) group.classList.add("small");
  }

  // English words, lines, German words; there are as many tokens as there can be words, and those without one are hidden
  function buildAlignment(view, parent) {
    const part = html(parent, "div", { class: "alignment" }), most = view.network.longest;
    const blank = (count) => Object.fromEntries(Array.from({ length: count }, (_, k) => [k, ""]));
    view.captions = ["English", "", "German"].map((words) => html(part, "div", { class: "caption" }, words));
    view.english = D2L.tokens(part, "English word to change", blank(most), (k) => change(view, { chosen: Number(k) }));
    view.lines = svg(part, "svg", { class: "lines", role: "img", preserveAspectRatio: "none" });
    view.german = D2L.tokens(part, "German word to look at", blank(longest(most)), (k) => change(view, { looked: Number(k) }));
    view.english.group.classList.add("column", "english");
    view.german.group.classList.add("column", "german");
    view.numbers = view.english.inputs.map((input) => html(input.parentNode, "span", { class: "number" }));
    view.alignment = part;
  }

  // Word by word, or all at once
  function buildSteps(view, parent) {
    view.next = D2L.button(parent, "", () => {
      const { written, total } = view, after = written < total ? written + 1 : 0;
      if (!total) return;
      change(view, { written: after, looked: Math.max(0, after - 1) });
    });
    D2L.button(parent, "All words", () => change(view, { written: Infinity }));
  }

  function buildWriter(view, parent) {
    view.place = titled(parent, "Change the sentence");
    view.places = D2L.tokens(parent, "A tapped word", PLACES, (place) => change(view, { place }));
    view.places.group.classList.add("small");
    const line = html(parent, "div", { class: "tokens small line" });
    view.remove = D2L.button(line, "", () => { view.problem.textContent = ""; change(view, remove(view.figure.state)); });
    D2L.button(line, "Remove all", () => {
      view.problem.textContent = "";
      change(view, { ready: "", sentence: [], chosen: 0, place: "behind", written: Infinity });
    });
    view.problem = html(parent, "p", { class: "complaint", role: "alert" });
    for (const [kind, words] of Object.entries(view.network.offered)) {
      const group = html(parent, "div", { class: "tokens small offered", role: "group", "aria-label": kind });
      for (const word of words) D2L.button(group, word, () => {
        view.problem.textContent = put(view.network, view.figure.state, word);
        view.figure.update();
      });
    }
  }

  function buildShares({ network: { right, pairs, trained } }, parent) {
    const table = html(parent, "table");
    html(html(table, "caption"), "span", {}, "Share of new sentences that are translated without a mistake, by their number of words");
    const head = html(html(table, "thead"), "tr"), body = html(table, "tbody");
    html(head, "td");
    for (const range of Object.keys(right.dot)) html(head, "th", { scope: "col" }, range);
    for (const [kind, words] of Object.entries(NETWORKS)) {
      const line = html(body, "tr");
      html(line, "th", { scope: "row" }, kind === "none" ? "without attention" : words);
      for (const share of Object.values(right[kind])) D2L.weigh(html(line, "td"), share);
    }
    html(parent, "p", { class: "hint" }, `Each network was trained on ${pairs.toLocaleString("en")} sentences of ${trained.join(" to ")} words, `
      + `marks counted; those of more than ${trained[1]} are longer than any of them.`);
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { symbols, probabilities, weights }, state) {
    const { network } = view, name = (number) => (number === END ? "(end)" : network.words.german[number]);
    view.total = symbols.length;
    view.written = Math.min(state.written, symbols.length);
    const shown = symbols.slice(0, view.written).map(name), looked = D2L.clamp(state.looked, 0, Math.max(0, view.written - 1));
    drawColumns(view, state, shown, looked, weights?.[looked]);
    drawLines(view, state, shown, looked, weights);
    view.next.textContent = view.written < view.total ? "Next word" : "Word by word";
    drawTranslation(view, symbols, shown, state);
    drawLikeliest(view, shown[looked], looked, probabilities[looked], name);
    drawWriter(view, state);
    Object.assign(view.figure.root.dataset, { translation: textOf(view, symbols), written: view.written });
  }

  const textOf = ({ network }, symbols) => symbols.filter((number) => number !== END).map((number) => network.words.german[number]).join(" ");

  function drawColumns(view, { sentence, chosen }, shown, looked, alpha) {
    fill(view.english, sentence, chosen);
    fill(view.german, shown, looked);
    view.german.inputs.forEach((input, t) => input.parentNode.classList.toggle("end", shown[t] === "(end)"));
    view.numbers.forEach((cell, i) => {
      if (alpha && shown.length && i < sentence.length) return D2L.weigh(cell, alpha[i]);
      cell.classList.remove("weight");
      cell.textContent = "";
    });
    view.captions[1].textContent = alpha && shown.length ? `weights of \u201c${shown[looked]}\u201d` : "";
  }

  function fill({ inputs }, words, chosen) {
    inputs.forEach((input, k) => {
      input.parentNode.hidden = k >= words.length;
      input.checked = k === chosen && k < words.length;
      input.nextSibling.textContent = words[k] ?? "";
    });
  }

  function drawLines(view, { sentence }, shown, looked, weights) {
    const rows = Math.max(sentence.length, shown.length, 1), line = (i, t) => `M0,${i + 0.5}C45,${i + 0.5} 55,${t + 0.5} 100,${t + 0.5}`;
    view.lines.style.height = `calc(var(--row) * ${rows})`; // themes have a rule for the height of drawings
    set(view.lines, { viewBox: `0 0 100 ${rows}`, "aria-label": described(sentence, shown, looked, weights) });
    view.lines.replaceChildren();
    if (!weights && shown.length) svg(view.lines, "path", { class: "handed", d: line(sentence.length - 1, 0) });
    const order = shown.map((_, t) => t).sort((a, b) => (a === looked) - (b === looked)); // the one that is looked at on top
    for (const t of weights ? order : []) weights[t].forEach((alpha, i) => {
      if (alpha >= FAINT) svg(view.lines, "path", { class: t === looked ? "looked" : "other", d: line(i, t), "stroke-width": show(9 * alpha, 2) });
    });
  }

  function described(sentence, shown, looked, weights) {
    if (!shown.length) return "nothing is written yet";
    if (!weights) return "without attention: of the sentence, only the state after its last word is handed over";
    const most = weights[looked].indexOf(Math.max(...weights[looked]));
    return `\u201c${shown[looked]}\u201d looks most at \u201c${sentence[most]}\u201d, with weight ${show(weights[looked][most], 2)}`;
  }

  function drawTranslation(view, symbols, shown, { sentence, ready, attention }) {
    const part = view.translation, whole = view.written === view.total, [, right] = view.network.ready[ready] ?? [];
    const told = [sentence, shown, attention, right].join("; ");
    if (view.told === told) return; // a screen reader says again what is written again
    view.told = told;
    part.replaceChildren();
    if (!sentence.length) {
      part.textContent = "The sentence is empty: tap a word.";
      return;
    }
    html(part, "b", { lang: "de" }, shown.filter((word) => word !== "(end)").join(" ") || "\u2026");
    if (whole && symbols.at(-1) !== END) html(part, "span", {}, ` It was stopped after ${symbols.length} words.`);
    if (right && whole) {
      const agrees = textOf(view, symbols) === right, said = html(part, "span", { class: "truth" }, agrees ? "That is right." : "Right is ");
      if (!agrees) html(said, "span", { lang: "de" }, right);
    }
    if (attention === "none") html(part, "span", { class: "note" }, "Without attention, only the state after the last English word is handed over.");
  }

  function drawLikeliest(view, word, looked, probabilities, name) {
    view.likeliest.textContent = word ? `at place ${looked + 1}` : "";
    view.bars.replaceChildren();
    if (!word) return;
    const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, LIKELIEST);
    D2L.bars(view.bars, order.map((number, place) => [name(number), probabilities[number], place ? "" : "first"]));
  }

  function drawWriter(view, { sentence, chosen, place, ready, attention }) {
    view.ready.choose(ready);
    view.networks.choose(attention);
    view.places.choose(place);
    view.place.textContent = sentence.length ? `\u201c${sentence[chosen]}\u201d` : "";
    view.remove.textContent = sentence.length ? `Remove \u201c${sentence[chosen]}\u201d` : "Remove";
  }

  D2L.addFigure("seq2seq", { initial: (network) => opened(network, "round table"), build, compute, draw });
})();

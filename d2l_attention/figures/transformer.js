// A Transformer translates the sentence that the reader writes: what each word looks at in each layer, and the beam as a tree.
(() => {
  "use strict";
  const { html, svg, set, titled, above, named, row, stack, map, take, add, affine, softmax } = D2L;
  const START = 2, END = 3; // as in datasets.translation
  const BEAMS = { 1: "greedy", 2: "beam of 2", 3: "beam of 3", 5: "beam of 5" };
  const PLACES = { replaces: "replaces it", behind: "goes behind it" };

  // ----------------------------------------------------------------------------------------------------------- the model
  const longest = (count) => 2 * count + 10; // German words for so many English ones
  const numberOf = (words, word) => {
    if (!words.includes(word)) throw new Error(`\u201c${word}\u201d is none of the words`);
    return words.indexOf(word);
  };

  // Place i: sin and cos of i / 10000^(2 k / d), in pairs
  const wave = (place, d) => row(Array.from({ length: d }, (_, j) => {
    const angle = place / 10000 ** (2 * Math.floor(j / 2) / d);
    return j % 2 ? Math.cos(angle) : Math.sin(angle);
  }));
  const embedded = (E, number, place) => add(map(take(E, [number]), (x) => x * Math.sqrt(E.shape[1])), wave(place, E.shape[1]));

  const norm = (x, y, gamma, beta) => D2L.layerNorm(add(x, y), gamma, beta);

  // Each head pools W_v v with softmax(W_q q . W_k k / sqrt(d / H)): (m, d), keys and values (n, d) -> context, weights of each head
  function attend(part, heads, query, key, value) {
    const { context, weights } = D2L.attend(heads, affine(query, part.W_q), key, value);
    return { context: affine(context, part.W_o), weights };
  }
  const network = (x, part) => affine(map(affine(x, part.W_1, part.b_1), (h) => Math.max(h, 0)), part.W_2, part.b_2);

  // All words ask all words, layer by layer; then the keys and values that the decoder will ask for
  function read(net, numbers) {
    const weights = [], memory = [];
    let x = stack(numbers.map((number, place) => embedded(net.E_x, number, place)));
    for (let layer = 0; layer < net.layers; layer++) {
      const part = named(net, `reads_${layer}_`);
      const found = attend(part, net.heads, x, affine(x, part.W_k), affine(x, part.W_v));
      x = norm(x, found.context, part.norm_1_gamma, part.norm_1_beta);
      x = norm(x, network(x, part), part.norm_2_gamma, part.norm_2_beta);
      weights.push(found.weights);
    }
    for (let layer = 0; layer < net.layers; layer++) {
      const part = named(net, `writes_${layer}_cross_`);
      memory.push({ key: affine(x, part.W_k), value: affine(x, part.W_v) });
    }
    return { weights, memory };
  }

  // The next word after `last` at place t; keys and values of the words before are kept in `past`
  function step(net, parts, last, t, memory, past) {
    const kept = [], own = [], cross = [];
    let x = embedded(net.E_y, last, t);
    parts.forEach(({ part, asks }, layer) => {
      const key = above(past[layer]?.key, affine(x, part.W_k)), value = above(past[layer]?.value, affine(x, part.W_v));
      const before = attend(part, net.heads, x, key, value);
      x = norm(x, before.context, part.norm_1_gamma, part.norm_1_beta);
      const source = attend(asks, net.heads, x, memory[layer].key, memory[layer].value);
      x = norm(x, source.context, part.norm_cross_gamma, part.norm_cross_beta);
      x = norm(x, network(x, part), part.norm_2_gamma, part.norm_2_beta);
      kept.push({ key, value });
      own.push(before.weights.map(([weights]) => weights));
      cross.push(source.weights.map(([weights]) => weights));
    });
    return { log_p: [...softmax(affine(x, net.E_y)).data].map(Math.log), kept, own, cross };
  }

  // The best sentence that a beam finds, its weights, and the beam: of each step, which hypotheses were continued with what
  function compute(net, { sentence, beam }) {
    if (!sentence.length) return { symbols: [], encoder: [], decoder: [], cross: [], parents: [], words: [] };
    const { weights, memory } = read(net, sentence.map((word) => numberOf(net.words.english, word)));
    const parts = Array.from({ length: net.layers }, (_, l) => ({ part: named(net, `writes_${l}_`), asks: named(net, `writes_${l}_cross_`) }));
    const parents = [], words = [], finished = [], most = longest(sentence.length);
    let alive = [{ symbols: [], score: 0, kept: [], steps: [] }];
    for (let t = 0; t < most && finished.length < beam; t++) {
      if (t) { parents.push(alive.map((one) => one.parent)); words.push(alive.map((one) => one.symbols.at(-1))); }
      const candidates = alive.flatMap((one, parent) => {
        one.next = step(net, parts, one.symbols.at(-1) ?? START, t, memory, one.kept);
        return one.next.log_p.map((log_p, symbol) => ({ parent, symbol, score: one.score + log_p }));
      }).sort((a, b) => b.score - a.score).slice(0, 2 * beam);
      const longer = ({ parent, symbol, score }) => ({
        parent, score, symbols: [...alive[parent].symbols, symbol], kept: alive[parent].next.kept, steps: [...alive[parent].steps, alive[parent].next],
      });
      for (const candidate of candidates.slice(0, beam)) if (candidate.symbol === END && finished.length < beam) finished.push(longer(candidate));
      alive = candidates.filter(({ symbol }) => symbol !== END).slice(0, beam).map(longer);
    }
    const value = ({ score, symbols }) => score / symbols.length;
    const best = finished.reduce((a, b) => (!a || value(b) > value(a) ? b : a), null) ?? alive[0];
    const T = best.steps.length, padded = (numbers) => [...numbers, ...Array(T - numbers.length).fill(0)];
    return {
      symbols: best.symbols, parents, words, encoder: weights,
      decoder: best.steps.map(({ own }) => own.map((heads) => heads.map(padded))), cross: best.steps.map(({ cross }) => cross),
    };
  }

  // ------------------------------------------------------------------------------------------------------ what is written
  // `side` and `place`: the word that asks; `chosen`: the English word that the next tap changes
  function opened(net, name) {
    return { ready: name, sentence: net.ready[name][0].split(" "), chosen: 1, place: "replaces", beam: net.beam, head: "mean", side: "german", looked: 0 };
  }

  // What a tap on an offered word does; the words that say why it cannot, or ""
  function put({ longest: most }, state, word) {
    if (state.place === "replaces" && state.sentence.length) {
      state.sentence[state.chosen] = word;
    } else {
      if (state.sentence.length >= most) return `A sentence has at most ${most} words and marks here: remove one first.`;
      state.chosen = state.sentence.length ? state.chosen + 1 : 0;
      state.sentence.splice(state.chosen, 0, word);
    }
    state.ready = "";
    return "";
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights };
    const choices = html(live, "div", { class: "wide choices" });
    const ready = Object.fromEntries(Object.keys(view.network.ready).map((name) => [name, name]));
    const { beam, head } = figure.state;
    view.ready = D2L.choice(choices, "Sentence", ready, (name) => change(view, { ...opened(view.network, name), beam: figure.state.beam, head: figure.state.head }));
    view.heads = D2L.headChoice(choices, view.network.heads, (chosen) => change(view, { head: chosen }));
    view.beams = D2L.choice(choices, "Search", BEAMS, (k) => change(view, { beam: Number(k) }));
    view.heads.choose(String(head));
    view.beams.choose(String(beam));
    const left = html(live, "div", { class: "picture photographed" });
    buildWords(view, left);
    buildWriter(view, html(live, "div", { class: "panel" }));
    const tree = html(live, "div", { class: "wide" });
    view.told = titled(tree, "The beam, from left to right");
    view.scroll = html(tree, "div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "the tree of the beam" });
    view.tree = svg(view.scroll, "svg", { class: "tree", role: "img" });
    const { right, pairs, trained } = view.network;
    const shares = Object.entries(right).map(([range, share]) => `${Math.round(100 * share)}% of those of ${range} words`);
    html(live, "p", { class: "hint" }, `Trained on ${pairs.toLocaleString("en")} sentences of ${trained.join(" to ")} words. Right, word for word, with a beam of ${view.network.beam}: ${shares.join(", ")}.`);
    return view;
  }

  function change(view, changed) {
    Object.assign(view.figure.state, changed);
    view.figure.update();
  }

  // Two columns of words; beside each word its weight in each layer. A word asks once it is chosen, or while a mouse is on it.
  function buildWords(view, parent) {
    view.question = html(parent, "p", { class: "question", role: "status" });
    const part = html(parent, "div", { class: "sides" }), most = view.network.longest;
    for (const [side, count, language] of [["english", most, "English"], ["german", longest(most) + 1, "German"]]) {
      const ask = (k) => change(view, { side, looked: k, ...(side === "english" ? { chosen: k } : {}) });
      const label = `${language} word that asks`;
      view[side] = D2L.wordColumn(part, { heading: language, label, count, layers: view.network.layers, change: ask });
      view[side].group.classList.add(side);
      view[side].inputs.forEach((input, k) => {
        input.parentNode.addEventListener("mouseenter", () => hover(view, { side, looked: k }));
        input.parentNode.addEventListener("mouseleave", () => hover(view, null));
      });
    }
    view.translation = html(parent, "p", { class: "translation" });
  }

  function hover(view, over) {
    view.over = over;
    if (view.result) drawWords(view, view.result, view.figure.state);
  }

  function buildWriter(view, parent) {
    view.place = titled(parent, "Change the sentence");
    view.places = D2L.tokens(parent, "A tapped word", PLACES, (place) => change(view, { place }));
    view.places.group.classList.add("small");
    const line = html(parent, "div", { class: "tokens small line" });
    view.remove = D2L.button(line, "", () => {
      const { state } = view.figure;
      state.sentence.splice(state.chosen, 1);
      view.problem.textContent = "";
      change(view, { ready: "", chosen: Math.max(0, Math.min(state.chosen, state.sentence.length - 1)) });
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

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  const nameOf = (view, number) => (number === END ? "(end)" : view.network.words.german[number]);

  function draw(view, result, state) {
    view.result = result;
    view.over = null;
    drawWords(view, result, state);
    drawTree(view, result, state);
    const found = result.symbols.filter((number) => number !== END).map((number) => nameOf(view, number)).join(" ");
    const [, right] = view.network.ready[state.ready] ?? [];
    view.translation.textContent = state.sentence.length ? found : "The sentence is empty: tap a word.";
    if (right) view.translation.textContent += found === right ? " \u2013 that is right." : ` \u2013 right is ${right}`;
    view.ready.choose(state.ready);
    view.heads.choose(String(state.head));
    view.beams.choose(String(state.beam));
    view.places.choose(state.place);
    view.place.textContent = state.sentence.length ? `\u201c${state.sentence[state.chosen]}\u201d` : "";
    view.remove.textContent = state.sentence.length ? `Remove \u201c${state.sentence[state.chosen]}\u201d` : "Remove";
    view.figure.root.dataset.translation = found;
  }

  // The weights that the asking word gives: {english: [layer][place], german: [layer][place]}, of one head or their mean
  function given(result, side, looked, head) {
    const of = (heads) => D2L.ofHead(heads, head);
    if (side === "english") return { english: result.encoder.map((heads) => of(heads.map((rows) => rows[looked]))), german: null };
    return { english: result.cross[looked].map(of), german: result.decoder[looked].map((heads) => of(heads).slice(0, looked + 1)) };
  }

  function drawWords(view, result, state) {
    const { side, looked } = view.over ?? state;
    const german = state.sentence.length ? ["(start)", ...result.symbols.map((number) => nameOf(view, number))] : [];
    // a German word is written by the state of the word before it; the start asks for the first word
    const asking = side === "german" ? D2L.clamp(looked - (view.over || looked ? 1 : 0), 0, Math.max(0, result.symbols.length - 1)) : D2L.clamp(looked, 0, Math.max(0, state.sentence.length - 1));
    const weights = state.sentence.length ? given(result, side, asking, state.head) : { english: null, german: null };
    const chosen = { english: side === "english" ? asking : -1, german: side === "german" ? asking + 1 : -1 };
    view.english.show(state.sentence, chosen.english, weights.english);
    view.german.show(german, chosen.german, weights.german);
    const word = side === "english" ? state.sentence[asking] : german[asking + 1];
    view.question.textContent = !state.sentence.length ? "" : side === "english"
      ? `\u201c${word}\u201d is read: what it takes from the English words`
      : `\u201c${word}\u201d is written: what is looked at, in both languages`;
  }

  // Hypotheses as boxes, a column a step; the branch that won is marked
  function drawTree(view, { symbols, parents, words }, state) {
    const wide = 92, high = 26, rows = Math.max(1, ...words.map((step) => step.length)), count = Math.max(symbols.length, words.length);
    const width = (count + 1) * wide, height = (rows + 0.4) * high, at = (t, k) => [t * wide + 4, (k + 0.7) * high];
    view.tree.replaceChildren();
    set(view.tree, { width, height, viewBox: `0 0 ${width} ${height}`, style: `height:${height}px; width:${width}px` });
    const won = []; // the row of the best sentence at each step
    for (let t = 0; t < Math.min(symbols.length, words.length); t++) {
      won.push(words[t].findIndex((word, k) => word === symbols[t] && (t ? parents[t][k] === won[t - 1] : true)));
    }
    if (symbols.length) svg(view.tree, "text", { x: 4, y: 0.7 * high + 4 }, "(start)");
    words.forEach((step, t) => step.forEach((word, k) => {
      const [x, y] = at(t + 1, k), [px, py] = t ? at(t, parents[t][k]) : at(0, 0), mark = won[t] === k ? "won" : "";
      svg(view.tree, "path", { class: mark, d: `M${px + wide - 22},${py}C${x - 8},${py} ${px + wide - 12},${y} ${x - 4},${y}` });
      svg(view.tree, "text", { class: mark, x, y: y + 4 }, nameOf(view, word));
    }));
    if (symbols.at(-1) === END && symbols.length > 1) {
      const t = symbols.length, [x, y] = at(t, won[t - 2] ?? 0);
      svg(view.tree, "path", { class: "won", d: `M${x - 20},${y}L${x - 4},${y}` });
      if ((words[t - 1]?.[won[t - 2] ?? 0]) === undefined) svg(view.tree, "text", { class: "won", x, y: y + 4 }, "(end)");
    }
    const kept = words.reduce((sum, step) => sum + step.length, 0);
    view.told.textContent = `${kept} hypotheses`;
    set(view.tree, { "aria-label": `a tree of ${kept} hypotheses, ${state.beam} at a time; the best is ${symbols.map((number) => nameOf(view, number)).join(" ")}` });
  }

  D2L.addFigure("transformer", { initial: (net) => opened(net, "round table"), build, compute, draw });
})();

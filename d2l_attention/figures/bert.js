// BERT reads two texts of which the reader hides words: what is guessed at each place, whom it asks, and does the second text follow?
(() => {
  "use strict";
  const { html, titled, map, take, affine, softmax } = D2L, { dense, norm, gelu } = D2L.bert;
  const START = "[CLS]", SEPARATOR = "[SEP]", MASK = "[MASK]";
  const GUESSES = 8;

  // ----------------------------------------------------------------------------------------------------------- the model
  const numberOf = (net, word) => {
    if (!net.words.includes(word)) throw new Error(`\u201c${word}\u201d is none of the words`);
    return net.words.indexOf(word);
  };

  // [CLS] first [SEP] second [SEP]: words, their segments, and for each place {text, k}, which word of which text it is, or null
  function framed(texts) {
    const words = [START], segments = [0], places = [null];
    texts.forEach((text, segment) => {
      text.forEach((word, k) => { words.push(word); segments.push(segment); places.push({ text: segment, k }); });
      if (segment === 0 || text.length) { words.push(SEPARATOR); segments.push(segment); places.push(null); }
    });
    return { words, segments, places };
  }

  // Guesses at the asked place, weights [layer][head][place] that it gives, and the probability that the second text is another one
  function compute(net, { texts, asked }) {
    const { words, segments } = framed(texts), { x, weights } = D2L.bert.read(net, words.map((word) => numberOf(net, word)), segments);
    const state = norm(net, "transform_norm", gelu(dense(net, "transform", take(x, [asked]))));
    const pooled = map(dense(net, "pooler", take(x, [0])), Math.tanh);
    return {
      guesses: [...softmax(affine(state, net.E, net.c)).data], weights: weights.map((heads) => heads.map((rows) => rows[asked])), other: softmax(dense(net, "next", pooled)).data[1],
    };
  }

  // ------------------------------------------------------------------------------------------------------- what is read
  // `texts`: what is shown; `told`: what stood there; `asked`: a place of the whole input; `first`, `second`: whose texts these are
  function opened(net, first, second) {
    const told = [net.ready[first][0].split(" "), second ? net.ready[second][1].split(" ") : []];
    return { first, second, told, texts: told.map((text) => [...text]), asked: 0, head: "mean" };
  }

  function initial(net) {
    const name = Object.keys(net.ready)[0], state = opened(net, name, name);
    state.asked = 1 + state.told[0].indexOf("bank");
    state.texts[0][state.asked - 1] = MASK;
    return state;
  }

  // Put a word at the asked place; the words that say why it cannot be, or ""
  function put(state, word) {
    const place = framed(state.texts).places[state.asked];
    if (!place) return `${state.asked ? SEPARATOR : START} always stands there: choose another place.`;
    state.texts[place.text][place.k] = word ?? state.told[place.text][place.k];
    return "";
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights }, { ready, longest, layers, heads } = view.network;
    const choices = html(live, "div", { class: "wide choices" });
    const names = Object.fromEntries(Object.keys(ready).map((name) => [name, name]));
    view.first = D2L.choice(choices, "First text: of", names, (name) => open(view, name, name));
    view.second = D2L.choice(choices, "Second text: of", { ...names, "": "(none)" }, (name) => open(view, figure.state.first, name));
    view.heads = D2L.headChoice(choices, heads, (head) => change(view, { head }));
    const left = html(live, "div", { class: "picture photographed" });
    view.question = html(left, "p", { class: "question", role: "status" });
    const sides = html(left, "div", { class: "sides" });
    view.sides = ["first", "second"].map((name) => {
      const ask = (k) => change(view, { asked: side.from + k }), label = `place of the ${name} text that asks`;
      const side = D2L.wordColumn(sides, { heading: `${name} text`, label, count: longest, layers, change: ask });
      return side;
    });
    buildPanel(view, html(live, "div", { class: "panel" }));
    const { documents, right } = view.network;
    html(live, "p", { class: "hint" }, `Trained on ${documents.toLocaleString("en")} short documents. In new ones it guesses ${Math.round(100 * right.words)}% of hidden words, and tells ${Math.round(100 * right.pairs)}% of pairs rightly.`);
    return view;
  }

  function open(view, first, second) {
    const { asked, head } = view.figure.state, next = opened(view.network, first, second);
    const most = framed(next.texts).words.length - 1;
    view.problem.textContent = "";
    change(view, { ...next, head, asked: Math.min(asked, most) });
  }

  function change(view, changed) {
    Object.assign(view.figure.state, changed);
    view.figure.update();
  }

  function buildPanel(view, parent) {
    const act = (word) => { view.problem.textContent = put(view.figure.state, word); view.figure.update(); };
    const line = html(parent, "div", { class: "line" });
    D2L.button(line, "Hide it", () => act(MASK));
    D2L.button(line, "Show it", () => act(null));
    view.select = html(line, "select", { "aria-label": "put another word there" });
    html(view.select, "option", { value: "" }, "another word");
    for (const word of view.network.words.filter((word) => /^[a-z]/.test(word)).sort()) html(view.select, "option", { value: word }, word);
    view.select.addEventListener("change", () => view.select.value && act(view.select.value));
    view.problem = html(parent, "p", { class: "complaint", role: "alert" });
    view.told = titled(parent, "Guesses there");
    view.guesses = html(parent, "div", { class: "bars" });
    const part = html(parent, "div", { class: "told" });
    titled(part, "Does the second text follow?");
    view.follows = html(part, "div", { class: "bars" });
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, result, state) {
    const { words, places } = framed(state.texts), place = places[state.asked];
    const split = words.indexOf(SEPARATOR) + 1, told = place ? state.told[place.text][place.k] : words[state.asked];
    const weights = result.weights.map((heads) => D2L.ofHead(heads, state.head)); // [layer][place]
    view.sides.forEach((side, number) => {
      const [from, to] = number ? [split, words.length] : [0, split];
      side.from = from;
      side.box.hidden = from === to;
      side.show(words.slice(from, to), state.asked - from, weights.map((of) => of.slice(from, to)));
      side.inputs.forEach((input, k) => {
        const at = from + k < to && places[from + k];
        input.parentNode.classList.toggle("changed", Boolean(at) && words[from + k] !== state.told[at.text][at.k]);
      });
    });
    const best = result.guesses.map((p, number) => [view.network.words[number], p]).sort((a, b) => b[1] - a[1]).slice(0, GUESSES);
    const [[guess, p]] = best;
    view.question.textContent = `\u201c${words[state.asked]}\u201d asks these words, and guesses \u201c${guess}\u201d (${D2L.show(p, 2)})`;
    D2L.bars(view.guesses, best.map(([word, p]) => [word, p, word === told ? "first" : ""]));
    view.told.textContent = place && words[state.asked] !== told ? `was: ${told}` : "";
    const none = !state.texts[1].length;
    D2L.bars(view.follows, none ? [] : [["it follows", 1 - result.other, ""], ["it is another", result.other, ""]]);
    if (none) view.follows.textContent = "There is none.";
    view.first.choose(state.first);
    view.second.choose(state.second);
    view.heads.choose(String(state.head));
    view.select.value = "";
    view.figure.root.dataset.guess = guess;
  }

  D2L.addFigure("bert", { initial, build, compute, draw });
})();

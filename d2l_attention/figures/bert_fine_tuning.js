// A fine-tuned BERT answers a question about the text that the reader writes: the chance of each word of being start and end.
(() => {
  "use strict";
  const { html, set, titled, take, map, row, stack, add, affine, matmul, transpose, softmax, tensor } = D2L;
  const TEXTS = {
    "bank, barn, ship": ["Anna Rose went to the bank in Fox Hill .", "near York Tom Stone fed the owl in the barn .",
      "David Crane tied the box to the deck in Dover ."],
    "three cranes": ["David Crane saw a crane fly over the river near Bath .", "in Crane River Susan Fox steered the crane with a hook .",
      "Frank Miller fed the fox in the barn near Leeds ."],
    "twice a coin": ["Maria Hook saved a coin each week in Oxford .", "Peter Snow paid the bill with a coin near Snow River .",
      "Jane Baker printed the letter with one click in Derby ."],
  };
  const PREDICT = "Predict first. Move the first sentence behind the last. Does the answer to the question move with it?";
  const PREDICTIONS = { moves: "it moves with it", stays: "it stays where it is", changes: "it is another answer" };

  // ----------------------------------------------------------------------------------------------------------- the model
  const wordsOf = (text) => text.toLowerCase().replace(/([.,?!])/g, " $1 ").split(/\s+/).filter(Boolean);
  function erf(x) { // Abramowitz and Stegun 7.1.26: to 1.5e-7
    const t = 1 / (1 + 0.3275911 * Math.abs(x));
    const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.exp(-x * x);
    return Math.sign(x) * (1 - tail);
  }
  const gelu = (x) => (x * (1 + erf(x / Math.SQRT2))) / 2;
  const columns = (a, begin, end) => transpose(take(transpose(a), Array.from({ length: end - begin }, (_, k) => begin + k)));
  const below = (a, b) => tensor([a.shape[0] + b.shape[0], a.shape[1]], [...a.data, ...b.data]);

  // Mean 0 and variance 1 over each row's features, then gamma and beta
  function norm(x, gamma, beta) {
    const [n, d] = x.shape;
    return stack(Array.from({ length: n }, (_, i) => {
      const one = x.data.subarray(i * d, (i + 1) * d), mean = one.reduce((a, b) => a + b) / d;
      const deviation = Math.sqrt(one.reduce((total, value) => total + (value - mean) ** 2, 0) / d + 1e-12);
      return row(one.map((value, j) => (gamma.data[j] * (value - mean)) / deviation + beta.data[j]));
    }));
  }

  // norm(x + attention(x, x, x)), then norm(x + network(x)): all words ask all words
  function layer(net, number, x) {
    const part = (name) => net[`${number}_${name}`], dense = (name, y) => affine(y, part(`W_${name}`), part(`b_${name}`));
    const [q, k, v] = ["q", "k", "v"].map((name) => dense(name, x)), d = x.shape[1] / net.heads, pooled = [];
    for (let h = 0; h < net.heads; h++) {
      const [a, b, c] = [q, k, v].map((y) => columns(y, h * d, (h + 1) * d));
      const alpha = softmax(map(matmul(a, transpose(b)), (score) => score / Math.sqrt(d)));
      pooled.push(transpose(matmul(alpha, c)));
    }
    x = norm(add(x, dense("o", transpose(pooled.reduce(below)))), part("gamma_1"), part("beta_1"));
    return norm(add(x, dense("2", map(dense("1", x), gelu))), part("gamma_2"), part("beta_2"));
  }

  // [CLS] question [SEP] text [SEP]; start and end = softmax of <s, h_i> and of <e, h_i> over the text's places alone
  function compute(net, { sentences, question }) {
    const asked = wordsOf(question), text = sentences.flatMap(wordsOf), number = (piece) => net.pieces.indexOf(piece);
    const ids = [number("[CLS]"), ...asked.map(number), number("[SEP]"), ...text.map(number), number("[SEP]")];
    const first = asked.length + 2, segments = ids.map((_, i) => (i < first ? 0 : 1));
    let x = add(add(take(net.E, ids), take(net.S, segments)), take(net.P, [...ids.keys()]));
    x = norm(x, net.gamma, net.beta);
    for (let l = 0; l < net.layers; l++) x = layer(net, l, x);
    const scores = transpose(affine(take(x, text.map((_, i) => first + i)), net.W, net.b)); // (2, T)
    const [start, end] = [0, 1].map((side) => [...softmax(take(scores, [side])).data]);
    let best = [0, 0];
    for (let i = 0; i < text.length; i++)
      for (let j = i; j < Math.min(text.length, i + net.longest_answer); j++)
        if (start[i] * end[j] > start[best[0]] * end[best[1]]) best = [i, j];
    return { start, end, best };
  }

  // What is wrong with a sentence, in words; "" if nothing is
  function complaint({ pieces }, text) {
    const found = wordsOf(text), unknown = found.filter((word) => !pieces.includes(word));
    if (!found.length) return "Write something.";
    return unknown.length ? `The network has never read \u201c${unknown.join("\u201d, \u201c")}\u201d.` : "";
  }
  function tooLong(net, { sentences, question }) {
    const count = 3 + wordsOf(question).length + sentences.flatMap(wordsOf).length;
    return count > net.longest ? `There is room for ${net.longest} pieces; question, text and frame have ${count}.` : "";
  }

  // Questions that the text suggests: who, where and what, and one whose answer it does not have
  function suggestions(net, sentences) {
    const found = [];
    for (const sentence of sentences) {
      const name = net.names.flatMap(([a, b]) => [`${a} ${b}`]).find((full) => sentence.includes(full));
      if (!name) continue;
      const told = sentence.replace(/^(in|near) .*?(?=[A-Z]\w+ [A-Z]\w+ [a-z])/, "").replace(/ (in|near) [A-Z][\w ]*\.$/, " .");
      found.push(told.replace(name, "who").replace(/ \.$/, " ?"), `where was ${name} ?`);
      const thing = wordsOf(told).findLast((word) => net.things.includes(word));
      if (thing) found.push(told.replace(new RegExp(` ${thing} (?!.* ${thing} )`), " what ").replace(/ \.$/, " ?"));
    }
    return [...new Set([...found, "who swung the bat at the ball ?"])].filter((question) => !complaint(net, question));
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  const opened = (name) => ({ preset: name, sentences: [...TEXTS[name]], question: "who went to the bank ?" });
  function initial(net) {
    const state = opened(Object.keys(TEXTS)[0]);
    return { ...state, question: suggestions(net, state.sentences)[0] };
  }

  function build(live, figure) {
    const view = { figure, net: figure.weights, words: [] };
    D2L.prompt(live, PREDICT, PREDICTIONS, "Now move it, with the arrow at its right, and ask other questions.");
    const parts = html(live, "div", { class: "wide parts" }), read = html(parts, "div", { class: "photographed" });
    view.asked = html(read, "p", { class: "asked" });
    D2L.legend(read, [["start", '<rect class="of-start" x="7" y="1" width="8" height="10"/>'], ["end", '<rect class="of-end" x="7" y="1" width="8" height="10"/>'],
      ["answer", '<rect class="of-answer" x="1" y="1" width="20" height="10"/>']]);
    view.text = html(read, "div", { class: "text" });
    view.answer = html(read, "p", { class: "answer", role: "status" });
    const writer = html(parts, "div", { class: "writer" });
    view.presets = D2L.tokens(writer, "Text", Object.fromEntries(Object.keys(TEXTS).map((name) => [name, name])), (name) => {
      const state = opened(name);
      figure.update((figure.state = { ...state, question: suggestions(view.net, state.sentences)[0] }));
    });
    view.presets.group.classList.add("small");
    buildQuestion(view, writer);
    buildText(view, writer);
    html(live, "div", { class: "hint" }, `Fine-tuned on ${view.net.questions.toLocaleString("en")} questions about little reports; exact match on new ones `
      + `${view.net.exact.toFixed(2)}. It knows ${view.net.pieces.length} pieces of words.`);
    return view;
  }

  function buildQuestion(view, parent) {
    const id = `${view.figure.root.id}-question`;
    titled(parent, "Question", id);
    view.question = html(parent, "input", { type: "text", id, "aria-describedby": `${id}-problem`, spellcheck: "false" });
    view.problem = html(parent, "p", { class: "complaint", id: `${id}-problem`, role: "alert" });
    view.suggested = html(parent, "div", { class: "tokens small suggested", role: "group", "aria-label": "Questions" });
    view.question.addEventListener("input", () => change(view, { question: view.question.value }));
  }

  function buildText(view, parent) {
    titled(parent, "Text");
    view.rows = view.figure.state.sentences.map((_, index) => {
      const line = html(parent, "div", { class: "line" });
      const input = html(line, "input", { type: "text", spellcheck: "false", "aria-label": `Sentence ${index + 1}` });
      input.addEventListener("input", () => change(view, { sentences: view.rows.map((one, k) => (k === index ? input.value : view.figure.state.sentences[k])) }));
      const down = D2L.button(line, "\u2193", () => {
        const sentences = [...view.figure.state.sentences], [moved] = sentences.splice(index, 1);
        sentences.splice((index + 1) % view.rows.length, 0, moved);
        change(view, { sentences });
        view.rows[(index + 1) % view.rows.length].down.focus();
      }, { "aria-label": `Move sentence ${index + 1} down`, class: "down" });
      return { input, down };
    });
  }

  // What the reader changed, if the network can read it
  function change(view, part) {
    const next = { ...view.figure.state, preset: "", ...part };
    const wrong = [next.question, ...next.sentences].map((text) => complaint(view.net, text)).find(Boolean) || tooLong(view.net, next);
    view.problem.textContent = wrong ?? "";
    if (!wrong) view.figure.update((view.figure.state = next));
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { start, end, best }, state) {
    const words = state.sentences.join(" ").replace(/([.,?!])/g, " $1 ").split(/\s+/).filter(Boolean);
    view.text.replaceChildren();
    words.forEach((word, k) => {
      const cell = html(view.text, "span", { class: k >= best[0] && k <= best[1] ? "word of-answer" : "word" });
      html(cell, "span", {}, word);
      const bars = html(cell, "span", { class: "bars", "aria-label": `start ${D2L.show(start[k], 2)}, end ${D2L.show(end[k], 2)}`, role: "img" });
      for (const [name, value] of [["start", start[k]], ["end", end[k]]]) html(bars, "i", { class: `of-${name}`, style: `height:${Math.round(40 * value)}px` });
    });
    const answer = words.slice(best[0], best[1] + 1).join(" "), sure = start[best[0]] * end[best[1]];
    view.asked.textContent = state.question;
    view.answer.textContent = `${answer} \u2013 ${D2L.show(sure, 2)}`;
    view.presets.choose(state.preset);
    if (wordsOf(view.question.value).join() !== wordsOf(state.question).join()) view.question.value = state.question;
    view.rows.forEach(({ input }, k) => { if (wordsOf(input.value).join() !== wordsOf(state.sentences[k]).join()) input.value = state.sentences[k]; });
    const asked = suggestions(view.net, state.sentences);
    if (view.offered !== asked.join()) {
      view.offered = asked.join();
      view.suggested.replaceChildren();
      for (const question of asked) D2L.button(view.suggested, question, () => change(view, { question }));
    }
    set(view.figure.root, { "data-answer": answer, "data-probability": sure });
  }

  D2L.addFigure("bert_fine_tuning", { initial, build, compute, draw });
})();

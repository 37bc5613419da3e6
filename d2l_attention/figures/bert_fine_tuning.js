// A fine-tuned BERT is asked a text: for each word, does the answer start there, does it end there; and which span is the best?
(() => {
  "use strict";
  const { html, set, titled, show } = D2L;
  const SPANS = 4, NOBODY = "The text does not say it; a softmax over its words has to put its weight somewhere.";
  const KINDS = { who: "who", where: "where", what: "what", nobody: "what nobody did" };

  // ----------------------------------------------------------------------------------------------------------- the model
  // A text as numbers of pieces: small letters, marks apart, and of each word the longest piece that fits, again and again
  function encode(net, text) {
    const plain = text.normalize("NFD").replace(/\p{Mn}/gu, "").toLowerCase();
    return (plain.match(/[\p{P}$+<=>^`|~]|[^\s\p{P}$+<=>^`|~]+/gu) ?? []).flatMap((word) => pieces(net, word));
  }
  function pieces(net, word) {
    const found = [];
    for (let from = 0, to = word.length; from < word.length; from = to, to = word.length) {
      const piece = () => net.numbers.get((from ? "##" : "") + word.slice(from, to));
      while (to > from && piece() === undefined) to--;
      if (to === from) return [net.numbers.get("[UNK]")];
      found.push(piece());
    }
    return found;
  }

  // Scores s_i + e_j of all spans i <= j < i + longest, the best first: {first, last, score}
  function spans(start, end, longest) {
    const found = [];
    for (let first = 0; first < start.length; first++)
      for (let last = first; last < Math.min(first + longest, start.length); last++) found.push({ first, last, score: start[first] + end[last] });
    return found.sort((a, b) => b.score - a.score);
  }

  // Pieces of the input, probabilities of the answer's start and end over the text, the best span, and each by itself
  function compute(net, { question, text }) {
    net.numbers ??= new Map(net.pieces.map((piece, number) => [piece, number]));
    const [asked, read] = [encode(net, question), encode(net, text)], [open, close] = ["[CLS]", "[SEP]"].map((piece) => net.numbers.get(piece));
    const ids = [open, ...asked, close, ...read, close], behind = asked.length + 2;
    const { x } = D2L.bert.read(net, ids, ids.map((_, i) => Number(i >= behind)));
    const states = D2L.take(x, read.map((_, k) => behind + k)); // (T, d), of the text alone
    const scores = D2L.transpose(D2L.bert.dense(net, "answer", states)), [start, end] = rows(scores); // (2, T)
    const [p_start, p_end] = rows(D2L.softmax(scores)), most = (p) => p.indexOf(Math.max(...p));
    const [{ first, last }] = spans(start, end, net.longest_answer);
    return { ids, start: p_start, end: p_end, best: [first, last], alone: [most(p_start), most(p_end)] };
  }
  const rows = ({ shape: [m, n], data }) => Array.from({ length: m }, (_, i) => [...data.subarray(i * n, (i + 1) * n)]);

  // ------------------------------------------------------------------------------------------------------- what is read
  // `kind`: whose ready question it is, "" if the reader wrote it; `right`: its answer, "" if there is none, null if unknown
  function opened(net, name, kind) {
    const { text, questions } = net.ready[name], [question, right] = questions[kind];
    return { ready: name, kind, question, right, text, chosen: 1 };
  }

  // Why an input cannot be read, or ""
  function refused(net, question, text) {
    const room = net.longest - 3 - encode(net, text).length, asked = encode(net, question).length;
    return asked > room ? `It has room for ${room} pieces of a question beside this text; these are ${asked}.` : "";
  }

  // The pieces of words that are none of its words
  function unknown(net, question) {
    const found = encode(net, question).map((number) => net.pieces[number]);
    return found.some((piece) => /^##|^\[UNK\]$/.test(piece)) ? `It reads ${found.join(" ")}` : "";
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights }, choices = html(live, "div", { class: "wide choices" });
    const names = Object.fromEntries(Object.keys(view.network.ready).map((name) => [name, name]));
    const open = (name, kind) => change(view, opened(view.network, name, kind));
    view.ready = D2L.choice(choices, "Text", names, (name) => open(name, figure.state.kind || "who"));
    view.kind = D2L.choice(choices, "Ask", KINDS, (kind) => open(figure.state.ready, kind));
    const left = html(live, "div", { class: "picture photographed" });
    buildQuestion(view, html(left, "div"));
    buildWords(view, left);
    buildPanel(view, html(live, "div", { class: "panel" }));
    const { questions, right: [one, two] } = view.network, share = (value) => `${Math.round(100 * value)}%`;
    html(live, "p", { class: "hint" }, `Fine-tuned on ${questions} questions about texts of one person. Of new questions ${share(one)} are answered rightly, to the word; of those about texts of two people ${share(two)}.`);
    return view;
  }

  function change(view, changed) {
    view.problem.textContent = "";
    Object.assign(view.figure.state, changed);
    view.figure.update();
  }

  function buildQuestion(view, parent) {
    const id = `${view.figure.root.id}-question`;
    titled(parent, "The question", id);
    view.question = html(parent, "input", { type: "text", id, spellcheck: "false", autocapitalize: "off", autocorrect: "off" });
    view.question.addEventListener("input", () => {
      const question = view.question.value, problem = refused(view.network, question, view.figure.state.text);
      if (!problem) change(view, { question, kind: "", right: null });
      view.problem.textContent = problem || unknown(view.network, question);
    });
    view.problem = html(parent, "p", { class: "complaint", role: "alert" });
  }

  // The text as it is read, above each word its two bars. A word shows its numbers once it is chosen, or while a mouse is on it.
  function buildWords(view, parent) {
    const bar = (kind) => `<rect class="${kind}" x="7" width="8" height="12"/>`;
    D2L.legend(parent, [
      ["the answer starts here", bar("start")], ["it ends here", bar("end")], ["the best span", '<rect class="best" width="22" height="12"/>'],
      ["each by itself", '<path class="alone" d="M0,10H22"/>'],
    ]);
    const blank = Object.fromEntries(Array.from({ length: view.network.longest }, (_, k) => [k, ""]));
    view.words = D2L.tokens(parent, "word of the text", blank, (k) => change(view, { chosen: Number(k) }));
    view.words.group.classList.add("text");
    view.cells = view.words.inputs.map((input, k) => {
      const word = input.parentNode, chances = html(word, "span", { class: "chances", "aria-hidden": "true" });
      word.addEventListener("mouseenter", () => hover(view, k));
      word.addEventListener("mouseleave", () => hover(view, null));
      return { word, input, name: input.nextSibling, bars: ["start", "end"].map((kind) => html(chances, "i", { class: kind })) };
    });
    view.reading = html(parent, "p", { class: "looked" });
    view.answer = html(parent, "p", { class: "answer", role: "status" });
    view.told = html(parent, "p", { class: "story" });
  }

  function buildPanel(view, parent) {
    titled(parent, "The best spans");
    view.spans = html(parent, "div", { class: "bars" });
    const part = html(parent, "div", { class: "told" });
    titled(part, "Each by itself");
    view.alone = html(part, "p");
    const last = html(parent, "div", { class: "told" });
    view.exchange = titled(last, "Exchange a word", `${view.figure.root.id}-exchange`);
    view.select = html(last, "select", { id: `${view.figure.root.id}-exchange` });
    html(view.select, "option", { value: "" }, "another word");
    for (const [kind, words] of Object.entries(view.network.offered)) {
      const group = html(view.select, "optgroup", { label: kind });
      for (const word of words) html(group, "option", { value: word }, word);
    }
    view.select.addEventListener("change", () => view.select.value && exchange(view, view.select.value));
  }

  function exchange(view, word) {
    const { text, chosen } = view.figure.state, words = text.split(" ");
    words[chosen] = word;
    change(view, { text: words.join(" "), right: null });
  }

  function hover(view, over) {
    if (view.result) drawReading(view, over ?? view.figure.state.chosen);
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  const quoted = (words, first, last = first) => `\u201c${words.slice(first, last + 1).join(" ")}\u201d`;

  function draw(view, result, state) {
    const words = state.text.split(" "), [first, last] = result.best;
    Object.assign(view, { result, read: words });
    drawWords(view, words, result);
    drawReading(view, state.chosen);
    drawAnswer(view, words, result, state);
    drawSpans(view, words, result);
    if (view.question.value !== state.question) view.question.value = state.question;
    view.ready.choose(state.ready);
    view.kind.choose(state.kind);
    view.words.choose(String(state.chosen));
    view.exchange.textContent = quoted(words, state.chosen);
    view.select.value = "";
    view.figure.root.dataset.answer = words.slice(first, last + 1).join(" ");
  }

  function drawWords(view, words, { start, end, best: [first, last], alone }) {
    view.cells.forEach(({ word, input, name, bars }, k) => {
      word.hidden = k >= words.length;
      if (word.hidden) return;
      name.textContent = words[k];
      set(input, { "aria-label": `${words[k]}: starts ${show(start[k], 2)}, ends ${show(end[k], 2)}` });
      bars.forEach((bar, row) => { bar.style.height = `${(100 * (row ? end : start)[k]).toFixed(1)}%`; });
      word.classList.toggle("best", k >= first && k <= last);
      word.classList.toggle("alone", alone.includes(k));
    });
  }

  // What a ready question's answer should be; nothing of the reader's own
  function judged(found, right) {
    if (right === null) return "";
    if (!right) return " \u2013 the text does not say";
    return right === found ? " \u2013 that is right" : ` \u2013 right is ${right}`;
  }

  function drawAnswer(view, words, { start, end, best: [first, last] }, { ready, right, text }) {
    const product = `${show(start[first], 2)} \u00d7 ${show(end[last], 2)} = ${show(start[first] * end[last], 2)}`;
    view.answer.textContent = `${quoted(words, first, last)} (${product})${judged(words.slice(first, last + 1).join(" "), right)}`;
    const { text: untouched, told } = view.network.ready[ready];
    view.told.textContent = right === "" ? NOBODY : text === untouched ? told : "";
  }

  function drawSpans(view, words, { start, end, best: [first, last], alone: [from, to] }) {
    const found = spans(start.map(Math.log), end.map(Math.log), view.network.longest_answer).slice(0, SPANS);
    D2L.bars(view.spans, found.map(({ first, last }, rank) => [words.slice(first, last + 1).join(" "), start[first] * end[last], rank ? "" : "first"]));
    let why = `${to - from + 1} words are more than ${view.network.longest_answer}.`;
    if (to < from) why = "an end before its start is no answer.";
    if (from === first && to === last) why = "the same span.";
    view.alone.textContent = `Likeliest start ${quoted(words, from)}, likeliest end ${quoted(words, to)}: ${why}`;
  }

  function drawReading(view, k) {
    const { start, end } = view.result;
    view.reading.textContent = `At ${quoted(view.read, k)} the answer starts with ${show(start[k], 2)}, and ends with ${show(end[k], 2)}.`;
  }

  D2L.addFigure("bert_fine_tuning", { initial: (net) => opened(net, Object.keys(net.ready)[0], "where"), build, compute, draw });
})();

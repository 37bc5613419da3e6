// A memory network reads the story that the reader writes: the weights of each hop on its sentences, and the answer.
(() => {
  "use strict";
  const { html, set, titled, take, map, row, stack, add, matmul, transpose, softmax } = D2L;
  const MOST = 20; // sentences; those of training have up to 30
  const STORIES = {
    Joe: ["Joe went to the kitchen.", "Fred went to the kitchen.", "Joe picked up the milk.", "Joe travelled to the office.",
      "Joe left the milk.", "Joe went to the bathroom.", "Where is the milk?"],
    Sam: ["Sam walks into the kitchen.", "Sam picks up an apple.", "Sam walks into the bedroom.", "Sam drops the apple.",
      "Where is the apple?"],
    Mary: ["Mary got the milk.", "Mary went to the hallway.", "Mary journeyed to the den.", "Mary went back to the kitchen.",
      "John journeyed to the bedroom.", "Mary discarded the milk.", "Where was the milk before the den?"],
    Brian: ["Brian is a lion.", "Julius is a lion.", "Julius is white.", "Bernhard is green.", "What color is Brian?"],
  };
  const TOKENS = {
    who: ["Joe", "Fred", "Mary", "Sam", "John"],
    does: ["went to the", "travelled to the", "walks into the", "picked up the", "took the", "left the", "dropped the"],
    "what or where": ["milk", "apple", "book", "kitchen", "office", "bathroom", "bedroom", "hallway", "den"],
    animals: ["Brian", "Julius", "Olga", "is a", "is", "lion", "crow", "toad", "white", "green", "black"],
  };
  const PREDICT = "Predict first. The last sentence moves up, before Joe left the milk. Where is the milk then?";
  const PREDICTIONS = { office: "in the office", bathroom: "in the bathroom", kitchen: "in the kitchen" };

  // ----------------------------------------------------------------------------------------------------------- the model
  const wordsOf = (text) => text.trim().replace(/[.?!]$/, "").toLowerCase().split(/\s+/).filter(Boolean);

  // sum_j l_j * A x_j, with l_jk = 1 + 4 / (d J) (k - (d + 1) / 2) (j - (J + 1) / 2): (1, d)
  function embed({ words, longest: J }, A, text) {
    const d = A.shape[1], numbers = wordsOf(text).map((word) => words.indexOf(word));
    const l = (j, k) => 1 + (4 / (d * J)) * (k - (d + 1) / 2) * (j - (J + 1) / 2);
    const weighed = map(take(A, numbers), (value, i) => value * l(Math.floor(i / d) + 1, (i % d) + 1)); // (J, d)
    return matmul(row(numbers.map(() => 1)), weighed);
  }

  // One row for the sentinel, which has no words, and one for each sentence: A x_i + T(age_i), (1 + n, d)
  function memory(network, A, T, story) {
    const age = (i) => take(T, [Math.min(story.length - 1 - i, network.memory_size - 1)]);
    return stack([take(T, [network.memory_size]), ...story.map((text, i) => add(embed(network, A, text), age(i)))]);
  }

  // q_{k+1} = q_k + sum_i alpha(q_k, m_i) c_i, where the values of one hop are the keys of the next; answer = softmax(W q)
  function compute(network, { story, question }) {
    const A = [1, 2, 3, 4].map((k) => network[`A${k}`]), T = [1, 2, 3, 4].map((k) => network[`T${k}`]);
    const memories = A.map((matrix, k) => memory(network, matrix, T[k], story)), hops = [];
    let query = embed(network, A[0], question); // B = A_1, (1, d)
    for (let k = 0; k < 3; k++) {
      const [key, value] = memories.slice(k);
      const alpha = softmax(matmul(query, transpose(key))); // (1, 1 + n)
      query = add(query, matmul(alpha, value));
      hops.push([...alpha.data]);
    }
    return { hops, answer: [...softmax(matmul(query, transpose(A[3]))).data] }; // W = A_4, (V)
  }

  // What is wrong with a sentence or a question, in words; "" if nothing is
  function complaint({ words, longest }, text) {
    const found = wordsOf(text), unknown = found.filter((word) => !words.includes(word));
    if (!found.length) return "Write a sentence, or tap words below.";
    if (unknown.length) return `The network has never read \u201c${unknown.join("\u201d, \u201c")}\u201d. It knows ${words.length} words: ${words.join(", ")}.`;
    return found.length > longest ? `The network reads sentences of at most ${longest} words; this one has ${found.length}.` : "";
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  const opened = (name) => ({ preset: name, story: STORIES[name].slice(0, -1), question: STORIES[name].at(-1) });
  const initial = () => opened("Joe");

  function build(live, figure) {
    const view = { figure, live, rows: [] };
    D2L.prompt(live, PREDICT, PREDICTIONS, "Now move it, by its handle, and watch the hops.");
    const stories = html(live, "div", { class: "wide stories" });
    view.presets = D2L.tokens(stories, "Story", Object.fromEntries(Object.keys(STORIES).map((name) => [name, name])), (name) => {
      figure.update((figure.state = opened(name)));
    });
    const parts = html(live, "div", { class: "parts wide" }), read = html(parts, "div", { class: "photographed" });
    buildTable(view, html(read, "div", { class: "told" }));
    const asked = html(read, "div", { class: "asked" });
    buildQuestion(view, asked);
    titled(asked, "Answer");
    view.answer = html(asked, "div", { class: "bars", role: "status" });
    buildWriter(view, html(parts, "div", { class: "writer" }));
    html(live, "div", { class: "hint" }, hint(figure.weights));
    return view;
  }

  function hint({ errors, questions }) {
    const shares = Object.entries(errors).map(([task, error]) => `${task}: ${error.toFixed(3)}`).join(", ");
    return `One network with three hops, trained on ${questions.toLocaleString("en")} questions of four bAbI tasks. `
      + `Error on new stories, by task: ${shares}.`;
  }

  function buildTable(view, parent) {
    const table = html(parent, "table", { class: "story" });
    const head = html(html(table, "thead"), "tr");
    for (const words of ["", "story", "hop 1", "hop 2", "hop 3", ""]) html(head, words ? "th" : "td", words ? { scope: "col" } : {}, words);
    view.body = html(table, "tbody");
    const sentinel = html(view.body, "tr", { class: "sentinel" });
    html(sentinel, "td");
    html(sentinel, "th", { scope: "row" }, "sentinel");
    view.sentinel = [1, 2, 3].map(() => html(sentinel, "td"));
    html(sentinel, "td");
    view.moved = html(parent, "p", { class: "moved", role: "status" });
  }

  function buildRow(view, index) {
    const { figure } = view, line = html(view.body, "tr"), row = { line };
    row.handle = D2L.button(html(line, "td"), "\u2195", () => {}, { class: "handle" });
    row.text = html(line, "th", { scope: "row" });
    row.cells = [1, 2, 3].map(() => html(line, "td"));
    row.remove = D2L.button(html(line, "td"), "\u00d7", () => {
      figure.state.story.splice(index, 1);
      change(view);
      (view.rows[Math.min(index, view.rows.length - 1)]?.remove ?? view.draft).focus();
    }, { class: "remove" });
    const step = (by) => () => move(view, index, index + by) && view.rows[index + by].handle.focus();
    D2L.keys(row.handle, { ArrowUp: step(-1), ArrowDown: step(1) });
    let at = index; // where the sentence that is held is now
    const over = (y) => view.rows.findIndex(({ line: other }) => y < other.getBoundingClientRect().bottom);
    const follow = ({ clientY }) => {
      const to = over(clientY) < 0 ? view.rows.length - 1 : over(clientY);
      if (move(view, at, to)) at = to;
    };
    D2L.drag(row.handle, { start: () => { at = index; }, follow, stop: () => view.rows[at].handle.focus() });
    return row;
  }

  // Move a sentence from one place to another; false if it stays
  function move(view, from, to) {
    const { story } = view.figure.state;
    if (from === to || to < 0 || to >= story.length) return false;
    story.splice(to, 0, ...story.splice(from, 1));
    change(view);
    view.moved.textContent = `\u201c${story[to]}\u201d is now sentence ${to + 1} of ${story.length}.`;
    return true;
  }

  function change(view) {
    view.figure.state.preset = "";
    view.moved.textContent = "";
    view.figure.update();
  }

  function buildQuestion(view, parent) {
    const { figure } = view, id = `${figure.root.id}-question`;
    titled(parent, "Question", id);
    view.question = html(parent, "input", { type: "text", id, "aria-describedby": `${id}-problem`, spellcheck: "false" });
    view.questionProblem = html(parent, "p", { class: "complaint", id: `${id}-problem`, role: "alert" });
    view.asked = html(parent, "div", { class: "tokens small" });
    view.question.addEventListener("input", () => ask(view, view.question.value));
  }

  function ask(view, question) {
    const problem = complaint(view.figure.weights, question);
    view.questionProblem.textContent = problem;
    if (!problem) view.figure.update((view.figure.state.question = question));
  }

  function buildWriter(view, part) {
    const id = `${view.figure.root.id}-sentence`;
    titled(part, "Add a sentence", id);
    const line = html(part, "div", { class: "line" });
    view.draft = html(line, "input", { type: "text", id, "aria-describedby": `${id}-problem`, spellcheck: "false" });
    view.add = D2L.button(line, "Add", () => addSentence(view));
    view.draft.addEventListener("keydown", ({ key }) => key === "Enter" && addSentence(view));
    view.problem = html(part, "p", { class: "complaint", id: `${id}-problem`, role: "alert" });
    for (const [kind, words] of Object.entries(TOKENS)) {
      const group = html(part, "div", { class: "tokens small", role: "group", "aria-label": kind });
      for (const word of words) D2L.button(group, word, () => { view.draft.value = `${view.draft.value} ${word}`.trim(); });
    }
  }

  function addSentence(view) {
    const { state, weights } = view.figure, text = view.draft.value.trim().replace(/[.?!]*$/, "");
    const full = state.story.length < MOST ? "" : `A story has at most ${MOST} sentences here: remove one first.`;
    view.problem.textContent = full || complaint(weights, text);
    if (view.problem.textContent) return;
    state.story.push(`${text[0].toUpperCase()}${text.slice(1)}.`);
    view.draft.value = "";
    change(view);
  }

  // Questions that this story suggests
  function suggestions({ story }) {
    const told = new Set(story.flatMap((text) => text.replace(".", "").split(" "))), has = (words) => words.filter((word) => told.has(word));
    const things = has(["milk", "apple", "book"]), places = has(["kitchen", "office", "bathroom", "bedroom", "hallway", "den"]);
    const before = things.slice(0, 1).flatMap((thing) => places.slice(-2).map((place) => `Where was the ${thing} before the ${place}?`));
    return [...things.map((thing) => `Where is the ${thing}?`), ...has(TOKENS.who).map((name) => `Where is ${name}?`), ...before,
      ...has(["Brian", "Julius", "Olga", "Bernhard", "Ruth"]).map((name) => `What color is ${name}?`)];
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { hops, answer }, state) {
    view.presets.choose(state.preset);
    while (view.rows.length > state.story.length) view.rows.pop().line.remove();
    while (view.rows.length < state.story.length) view.rows.push(buildRow(view, view.rows.length));
    view.sentinel.forEach((cell, k) => D2L.weigh(cell, hops[k][0]));
    view.rows.forEach((row, i) => {
      row.text.textContent = state.story[i];
      set(row.handle, { "aria-label": `Move \u201c${state.story[i]}\u201d with the arrow keys` });
      set(row.remove, { "aria-label": `Remove \u201c${state.story[i]}\u201d` });
      row.cells.forEach((cell, k) => D2L.weigh(cell, hops[k][i + 1]));
    });
    drawQuestion(view, state);
    const { words } = view.figure.weights, order = [...answer.keys()].sort((a, b) => answer[b] - answer[a]);
    D2L.bars(view.answer, order.slice(0, 4).map((word, place) => [words[word], answer[word], place ? "" : "first"]));
    Object.assign(view.figure.root.dataset, { answer: words[order[0]], probability: answer[order[0]] });
  }

  function drawQuestion(view, state) {
    if (wordsOf(view.question.value).join() !== wordsOf(state.question).join()) {
      view.question.value = state.question;
      view.questionProblem.textContent = "";
    }
    const asked = suggestions(state);
    if (view.suggested === asked.join()) return;
    view.suggested = asked.join();
    view.asked.replaceChildren();
    for (const question of asked) D2L.button(view.asked, question, () => view.figure.update((view.figure.state.question = question)));
  }

  D2L.addFigure("memory_networks", { initial, build, compute, draw, complaint });
})();

// A neural Turing machine copies the bits that the reader sets, as often as asked: memory and heads, step by step.
(() => {
  "use strict";
  const { html, svg, set, row, stack, map, matmul, transpose, add, affine, softmax } = D2L;
  const CELL = 12, GAP = 26, MOST_COLUMNS = 5; // columns of training
  const PREDICT = "Predict first. At which row will the reading head be, one step after the second mark?";
  const PREDICTIONS = { first: "the first row written", last: "the last row written", next: "the next empty row" };

  // ----------------------------------------------------------------------------------------------------------- the model
  const sigmoid = (x) => 1 / (1 + Math.exp(-x)), softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const part = ({ data }, from, to) => row(data.slice(from, to)); // of a row
  const scaled = (a, factor) => map(a, (value) => factor * value);
  const dot = (a, b) => a.data.reduce((sum, value, i) => sum + value * b.data[i], 0);

  // Start, columns of bits, and the mark of the end, which holds how often; then nothing: (T, bits + 2)
  function inputs({ bits, most }, { columns, repetitions }) {
    const told = [[...Array(bits).fill(0), 1, 0], ...columns.map((column) => [...column, 0, 0])];
    told.push([...Array(bits + 1).fill(0), repetitions / most]);
    while (told.length < 3 + columns.length * (1 + repetitions)) told.push(Array(bits + 2).fill(0));
    return told.map(row);
  }

  // One step of an LSTM whose matrices stand in one: i, f, g, o
  function control(network, x, h, c) {
    const d = c.data.length, gates = affine(row([...x.data, ...h.data]), network.W_gates, network.b_gates);
    const gate = (k, squash) => map(part(gates, k * d, (k + 1) * d), squash), [i, f, o] = [0, 1, 3].map((k) => gate(k, sigmoid));
    const g = gate(2, Math.tanh), next = map(c, (value, j) => f.data[j] * value + i.data[j] * g.data[j]);
    return { h: map(next, (value, j) => o.data[j] * Math.tanh(value)), c: next };
  }

  // New weights of a head: content, interpolation, shift, sharpening; said (1, W + 6), M (N, W), w (1, N)
  function address(said, M, w) {
    const W = M.shape[1], N = M.shape[0], k = map(part(said, 0, W), Math.tanh), [beta, gate] = said.data.slice(W, W + 2);
    const ones = row(Array(W).fill(1)), norms = matmul(ones, transpose(map(M, (value) => value * value))); // (1, N)
    const cosine = map(matmul(k, transpose(M)), (value, i) => value / Math.sqrt(dot(k, k) * norms.data[i] + 1e-8));
    const content = softmax(scaled(cosine, softplus(beta))), g = sigmoid(gate);
    const mixed = add(scaled(content, g), scaled(w, 1 - g)).data;
    const [back, stay, on] = softmax(part(said, W + 2, W + 5)).data;
    const moved = map(w, (_, i) => back * mixed[(i + 1) % N] + stay * mixed[i] + on * mixed[(i + N - 1) % N]);
    return softmax(map(moved, (value) => (1 + softplus(said.data[W + 5])) * Math.log(Math.max(value, 1e-30))));
  }

  // All steps: outputs (T, bits + 1), weights of both heads (T, N), and the memory (N, W) after the step that is shown
  function compute(network, state) {
    const { rows: N, width: W } = network, d = network.W_erase.shape[1], first = row([1, ...Array(N - 1).fill(0)]);
    let [M, writing, reading, r] = [stack(Array(N).fill(row(Array(W).fill(1e-6)))), first, first, row(Array(W).fill(0))];
    let { h, c } = { h: row(Array(d).fill(0)), c: row(Array(d).fill(0)) };
    const found = { outputs: [], writing: [], reading: [], memory: null };
    inputs(network, state).forEach((x, t) => {
      ({ h, c } = control(network, row([...x.data, ...r.data]), h, c));
      const said = affine(h, network.W_says, network.b_says), before = M;
      writing = address(part(said, 0, W + 6), before, writing);
      reading = address(part(said, W + 6, 2 * W + 12), before, reading);
      const e = map(affine(h, network.W_erase, network.b_erase), sigmoid), a = map(affine(h, network.W_add, network.b_add), Math.tanh);
      M = map(before, (value, i) => value * (1 - writing.data[Math.floor(i / W)] * e.data[i % W]) + writing.data[Math.floor(i / W)] * a.data[i % W]);
      r = matmul(reading, M);
      const output = map(affine(row([...h.data, ...r.data]), network.W_output, network.b_output), sigmoid);
      found.outputs.push([...output.data]);
      found.writing.push([...writing.data]);
      found.reading.push([...reading.data]);
      if (t === state.step) found.memory = Array.from({ length: N }, (_, i) => [...M.data.slice(i * W, (i + 1) * W)]);
    });
    return found;
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  const initial = () => ({ columns: [[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 1]], repetitions: 2, step: 4 });
  const stepsOf = ({ columns, repetitions }) => 3 + columns.length * (1 + repetitions);

  function build(live, figure) {
    const view = { figure, live, bits: [] }, { bits, rows, width, longest, most, wrong } = figure.weights;
    D2L.prompt(live, PREDICT, PREDICTIONS, "Now step on, and watch the blue squares.");
    const controls = html(live, "div", { class: "panel" }), told = html(controls, "div");
    D2L.titled(told, "Bits to copy");
    view.grid = html(told, "div", { class: "bits", role: "group", "aria-label": "Bits to copy, a column a step" });
    const buttons = html(told, "div", { class: "tokens small" });
    D2L.button(buttons, "Add a column", () => resize(view, 1));
    D2L.button(buttons, "Remove one", () => resize(view, -1));
    const often = html(controls, "div");
    D2L.titled(often, "How often");
    const choices = Object.fromEntries([1, 2, 3].map((times) => [times, ["once", "twice", "three times"][times - 1]]));
    view.often = D2L.tokens(often, "How often", choices, (times) => change(view, { repetitions: Number(times) }));
    buildStep(view, html(controls, "div"));
    const picture = html(live, "div", { class: "picture photographed" });
    D2L.legend(picture, [["writes", '<rect class="writes" width="12" height="12"/>'], ["reads", '<rect class="reads" width="12" height="12"/>']]);
    const T = 3 + MOST_COLUMNS * (1 + most), height = CELL * (bits + 2 + rows + bits + 1) + 3 * GAP;
    view.size = { bits, rows, width, T };
    view.picture = svg(picture, "svg", { role: "img", viewBox: `0 0 ${CELL * (T + width) + 14} ${height}` });
    const errors = Object.entries(wrong).map(([key, share]) => `${key}: ${share.toFixed(3)}`).join(", ");
    html(live, "div", { class: "hint" }, `Trained on up to ${longest} columns, said up to ${most} times. Wrong bits in new sequences, columns x times: ${errors}.`);
    return view;
  }

  function buildStep(view, parent) {
    const id = `${view.figure.root.id}-step`;
    view.at = D2L.titled(parent, "Step", id);
    view.slider = html(parent, "input", { type: "range", id, min: 0, step: 1 });
    view.slider.addEventListener("input", () => change(view, { step: Number(view.slider.value) }));
    const buttons = html(parent, "div", { class: "tokens small" });
    for (const [words, by] of [["Back", -1], ["Step", 1]]) {
      D2L.button(buttons, words, () => change(view, { step: view.figure.state.step + by }));
    }
    view.said = html(parent, "p", { role: "status", class: "said" });
  }

  function change(view, changes) {
    const { state } = view.figure;
    Object.assign(state, changes);
    state.step = D2L.clamp(state.step, 0, stepsOf(state) - 1);
    view.figure.update();
  }

  function resize(view, by) {
    const { columns } = view.figure.state, count = columns.length + by;
    if (count < 1 || count > MOST_COLUMNS) return;
    change(view, { columns: by > 0 ? [...columns, columns[0].map((_, i) => i % 2)] : columns.slice(0, -1) });
  }

  function buildBits(view, { columns }) {
    view.grid.replaceChildren();
    view.bits = columns.map((column, j) => column.map((_, i) => D2L.button(view.grid, "", () => {
      const copy = view.figure.state.columns.map((one) => [...one]);
      copy[j][i] = 1 - copy[j][i];
      change(view, { columns: copy });
    }, { "aria-label": `column ${j + 1}, bit ${i + 1}` })));
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, found, state) {
    const { columns, repetitions, step } = state, n = columns.length, T = stepsOf(state);
    if (view.bits.length !== n) buildBits(view, state);
    view.bits.forEach((buttons, j) => buttons.forEach((node, i) => set(node, { "aria-pressed": Boolean(columns[j][i]) })));
    view.often.choose(String(repetitions));
    view.slider.max = T - 1;
    view.slider.value = step;
    view.at.textContent = `${step + 1} of ${T}`;
    const wanted = (t) => (t < T - 1 ? [...columns[(t - n - 2) % n], 0] : [...columns[0].map(() => 0), 1]);
    const isWrong = (t, i) => (found.outputs[t][i] > 0.5) !== (wanted(t)[i] === 1);
    const asked = found.outputs.map((_, t) => t).slice(n + 2);
    const wrong = asked.reduce((sum, t) => sum + found.outputs[t].filter((_, i) => isWrong(t, i)).length, 0);
    const doing = step === 0 ? "hears the start" : step <= n ? `hears column ${step}` : step === n + 1 ? "hears the second mark"
      : step === T - 1 ? "says the end" : `says column ${((step - n - 2) % n) + 1}`;
    view.said.textContent = `It ${doing}. Wrong bits in all: ${wrong}.`;
    Object.assign(view.figure.root.dataset, { wrong, step, doing });
    paint(view, found, state, { T, n, isWrong });
  }

  function paint({ picture, size, figure }, found, state, { T, n, isWrong }) {
    const { bits, rows, width } = size, told = inputs(figure.weights, state), heads = GAP + CELL * (bits + 2) + GAP;
    const below = heads + CELL * rows + GAP, right = CELL * size.T + 14, { step } = state;
    picture.replaceChildren();
    const square = (x, y, kind, share, part = 1) => share > 0.02 && svg(picture, "rect", {
      x: x + (CELL * (1 - part)) / 2, y: y + (CELL * (1 - part)) / 2, width: CELL * part - 1, height: CELL * part - 1, class: kind, opacity: share.toFixed(3),
    });
    svg(picture, "rect", { x: CELL * step - 0.5, y: GAP - 2, width: CELL, height: below + CELL * (bits + 1) - GAP + 4, class: "now" });
    for (const [x, y, words] of [[0, GAP, "input"], [0, heads, "weights of the rows, over time"], [0, below, "output"], [right, heads, "memory"]]) {
      svg(picture, "text", { x, y: y - 7 }, words);
    }
    told.forEach(({ data }, t) => data.forEach((value, i) => square(CELL * t, GAP + CELL * i, "bit", value)));
    for (let t = 0; t < T; t++) {
      const [x, faint] = [CELL * t, t > step ? 0.25 : 1]; // what is still to come
      found.writing[t].forEach((weight, i) => square(x, heads + CELL * i, "writes", weight * faint));
      found.reading[t].forEach((weight, i) => square(x, heads + CELL * i, "reads", weight * faint, 0.6));
      if (t < n + 2) continue;
      found.outputs[t].forEach((value, i) => {
        square(x, below + CELL * i, "bit", value * faint);
        if (isWrong(t, i)) svg(picture, "rect", { x, y: below + CELL * i, width: CELL - 1, height: CELL - 1, class: "wrong" });
      });
    }
    found.memory.forEach((numbers, i) => numbers.forEach((value, j) => {
      square(right + CELL * j, heads + CELL * i, "bit", Math.min(1, Math.abs(value)), value < 0 ? 0.5 : 1);
    }));
    const largest = (weights) => weights.indexOf(Math.max(...weights));
    set(picture, { "aria-label": `Step ${step + 1}: writes mostly to row ${largest(found.writing[step])}, reads mostly row ${largest(found.reading[step])}` });
  }

  D2L.addFigure("neural_turing_machine", { initial, build, compute, draw });
})();

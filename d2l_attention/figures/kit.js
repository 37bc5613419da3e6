// The kit of the live figures: tensors, controls and views, for pages without a library, a request or a build step.
// There is one global name, D2L. A page loads kit.css, kit.js, data/NAME.js (if there is one) and NAME.js, in this order.
//
// To add the figure of a chapter:
//   1. Write NAME.js: D2L.addFigure("NAME", { initial, build, compute, draw }), where compute(weights, state) -> result is the
//      model, some 30 lines of tensors that read like its equation, and touches no page; initial(weights) -> state;
//      build(live, figure) -> view makes controls once, which change figure.state and call figure.update(); and
//      draw(view, result, state) shows a result. What NAME needs beyond kit.css stands in NAME.css.
//   2. Write NAME.py with contents(**arguments), see figures/page.py; for a trained network also with train(), and with
//      network(), which gives MXNet the rounded weights of data/NAME.js.
//   3. `make execute FIGURES=1 NAME=NAME` trains, writes data/NAME.js (float16, at most 600 KB) and pictures/NAME.png.
//   4. Put `figure("NAME")` last into a cell of the notebook, behind a question that is to be answered before the first
//      drag, and `make execute`. The extension book/publishing/live_figures.py gives pages and decks the scripts.
//   5. Add NAME to tests/figures/every_figure.py: 100 inputs, and MXNet's answers; the rest is tested for all figures.
window.D2L = (() => {
  "use strict";
  const figures = window.D2L?.figures ?? {};
  const networks = window.D2L?.networks ?? {}; // the trained weights, by name
  const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "];

  // ---------------------------------------------------------------- tensors: {shape: [rows, columns], data}, row by row
  function tensor(shape, data) {
    const size = shape.reduce((product, length) => product * length, 1);
    if (shape.length !== 2 || data.length !== size || !(size > 0)) {
      throw new Error(`a tensor must have two axes that hold all its numbers; its shape is (${shape}), with ${data.length} numbers`);
    }
    return { shape, data: Float64Array.from(data) };
  }
  const row = (numbers) => tensor([1, numbers.length], numbers);
  function stack(rows) { // (1, n), one below the other
    const [, n] = rows[0].shape, data = new Float64Array(rows.length * n);
    rows.forEach((one, i) => data.set(one.data, i * n));
    return tensor([rows.length, n], data);
  }
  const map = ({ shape, data }, f) => tensor(shape, data.map(f));
  const transpose = ({ shape: [m, n], data }) => tensor([n, m], data.map((_, k) => data[(k % m) * n + Math.floor(k / m)]));
  const take = (a, rows) => stack(rows.map((i) => row(rowOf(a, i)))); // rows of a, such as embeddings of words

  function rowOf({ shape: [m, n], data }, i) {
    if (!(i >= 0 && i < m)) throw new Error(`row ${i} is not one of ${m}`);
    return data.subarray(i * n, (i + 1) * n);
  }

  // (m, k) (k, n) -> (m, n)
  function matmul(a, b) {
    const [m, k] = a.shape, [rows, n] = b.shape;
    if (k !== rows) throw new Error(`(${a.shape}) does not fit (${b.shape})`);
    const out = new Float64Array(m * n);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < k; j++)
        for (let l = 0; l < n; l++) out[i * n + l] += a.data[i * k + j] * b.data[j * n + l];
    return tensor([m, n], out);
  }

  // (m, n) + (m, n), or a single row (1, n) added to each
  function add(a, b) {
    const [m, n] = a.shape;
    if (b.shape[1] !== n || (b.shape[0] !== m && b.shape[0] !== 1)) throw new Error(`(${a.shape}) + (${b.shape})`);
    return map(a, (value, k) => value + b.data[k % b.data.length]);
  }

  // x W^T + b, as a dense layer: (m, k), (n, k), (1, n) -> (m, n)
  function affine(x, W, b = row(new Float64Array(W.shape[0]))) {
    const [m, k] = x.shape, [n, columns] = W.shape;
    if (k !== columns) throw new Error(`(${x.shape}) does not fit the transpose of (${W.shape})`);
    const out = new Float64Array(m * n);
    for (let i = 0; i < m; i++)
      for (let l = 0; l < n; l++)
        for (let j = 0; j < k; j++) out[i * n + l] += x.data[i * k + j] * W.data[l * k + j]; // as W is stored: nothing is copied
    return add(tensor([m, n], out), b);
  }

  // One word of an LSTM: i, f, o = sigmoid, g = tanh of W_x x + b_x + W_h h + b_h; c = f c + i g, h = o tanh(c); all (1, d)
  function lstmStep(x, { h, c }, { W_x, b_x, W_h, b_h }) {
    const gates = add(affine(x, W_x, b_x), affine(h, W_h, b_h)).data, d = c.data.length; // (1, 4 d), in the order i, f, g, o
    const gate = (k, j) => (k === 2 ? Math.tanh(gates[k * d + j]) : 1 / (1 + Math.exp(-gates[k * d + j])));
    const next = map(c, (value, j) => gate(1, j) * value + gate(0, j) * gate(2, j));
    return { c: next, h: map(next, (value, j) => gate(3, j) * Math.tanh(value)) };
  }

  // Of each row. A score of -Infinity is masked: its weight is exactly zero, and so are all of a row without any other.
  function softmax(scores) {
    const rows = scores.shape[0];
    return stack(Array.from({ length: rows }, (_, i) => {
      const a = rowOf(scores, i), largest = a.reduce((x, y) => Math.max(x, y));
      if (largest === -Infinity) return row(a.map(() => 0));
      const e = a.map((score) => Math.exp(score - largest)), total = e.reduce((x, y) => x + y);
      return row(e.map((value) => value / total));
    }));
  }

  // ------------------------------------------------------------------------------------------- layers of a Transformer
  const above = (a, b) => (a ? tensor([a.shape[0] + b.shape[0], b.shape[1]], [...a.data, ...b.data]) : b); // rows below rows
  function columns({ shape: [m, n], data }, begin, end) { // (m, n) -> (m, end - begin)
    const rows = Array.from({ length: m }, (_, i) => row(data.subarray(i * n + begin, i * n + end)));
    return stack(rows);
  }
  const beside = (parts) => transpose(parts.map(transpose).reduce(above)); // (m, a), (m, b) -> (m, a + b)
  const named = (weights, start) => Object.fromEntries(Object.entries(weights).filter(([name]) => name.startsWith(start))
    .map(([name, array]) => [name.slice(start.length), array])); // the arrays of one layer

  // gamma (x - mean) / deviation + beta, of each row
  function layerNorm(x, gamma, beta, epsilon = 1e-5) {
    const [n, d] = x.shape;
    return stack(Array.from({ length: n }, (_, i) => {
      const one = rowOf(x, i), mean = one.reduce((a, b) => a + b) / d;
      const deviation = Math.sqrt(one.reduce((total, value) => total + (value - mean) ** 2, 0) / d + epsilon);
      return row(one.map((value, j) => gamma.data[j] * (value - mean) / deviation + beta.data[j]));
    }));
  }

  // Each of some heads pools its columns of the values with softmax(q . k / sqrt(d / H)): (m, d), (n, d), (n, d) -> context (m, d),
  // and of each head its weights [m][n]. Causal: the last query belongs to the last key, and none sees a key behind its own.
  function attend(heads, query, key, value, causal = false) {
    const [m, d] = query.shape, n = key.shape[0], size = d / heads, pooled = [], weights = [];
    for (let h = 0; h < heads; h++) {
      const [q, k, v] = [query, key, value].map((x) => columns(x, h * size, (h + 1) * size)), scores = matmul(q, transpose(k));
      const seen = (i, j) => !causal || j <= i + n - m;
      const alpha = softmax(map(scores, (score, at) => (seen(Math.floor(at / n), at % n) ? score / Math.sqrt(size) : -Infinity)));
      weights.push(Array.from({ length: m }, (_, i) => [...rowOf(alpha, i)]));
      pooled.push(matmul(alpha, v));
    }
    return { context: beside(pooled), weights };
  }

  // ---------------------------------------------------------------------- BERT, by the names of figures/bert.py: layer_0_q_W
  const bert = (() => {
    // The integral of the normal distribution; erf after Abramowitz and Stegun (1964), formula 7.1.26, to 2e-7
    function normal(x) {
      const z = Math.abs(x) / Math.SQRT2, t = 1 / (1 + 0.3275911 * z);
      const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.exp(-z * z) / 2;
      return x < 0 ? tail : 1 - tail;
    }
    const gelu = (x) => map(x, (value) => value * normal(value));
    const dense = (net, name, x) => affine(x, net[`${name}_W`], net[`${name}_b`]);
    const norm = (net, name, x) => layerNorm(x, net[`${name}_gamma`], net[`${name}_beta`], 1e-12);

    // Numbers of words and of their texts (n) -> states x (n, d), and weights [layer][head][n][n]
    function read(net, ids, segments) {
      const weights = [];
      let x = norm(net, "norm", add(take(net.E, ids), add(take(net.S, segments), take(net.p, ids.map((_, i) => i)))));
      for (let layer = 0; layer < net.layers; layer++) {
        const here = `layer_${layer}`, [q, k, v] = ["q", "k", "v"].map((name) => dense(net, `${here}_${name}`, x));
        const found = attend(net.heads, q, k, v);
        x = norm(net, `${here}_norm_1`, add(x, dense(net, `${here}_o`, found.context)));
        x = norm(net, `${here}_norm_2`, add(x, dense(net, `${here}_2`, gelu(dense(net, `${here}_1`, x)))));
        weights.push(found.weights);
      }
      return { x, weights };
    }
    return { read, dense, norm, gelu };
  })();

  // ------------------------------------------------------------------------------------------- trained weights, float16
  function half(bits) {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 31) throw new Error("a weight is not finite");
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  }

  // What data/NAME.js calls: settings, and arrays {name: {shape, float16: base64}}, which become tensors.
  function load(name, { arrays, ...settings }) {
    const tensors = Object.entries(arrays).map(([key, { shape, float16 }]) => {
      const bytes = Uint8Array.from(atob(float16), (letter) => letter.charCodeAt(0));
      const view = new DataView(bytes.buffer);
      return [key, tensor(shape, Array.from({ length: bytes.length / 2 }, (_, k) => half(view.getUint16(2 * k, true))))];
    });
    networks[name] = { ...settings, ...Object.fromEntries(tensors) };
  }

  // -------------------------------------------------------------------------------------------------------- the document
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const show = (value, digits) => value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "\u2212");
  const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");

  function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }
  function html(parent, name, attributes = {}, text = "") {
    const node = parent.appendChild(document.createElement(name));
    node.textContent = text;
    return set(node, attributes);
  }
  function svg(parent, name, attributes = {}, text = "") {
    const node = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
    node.textContent = text;
    return set(node, attributes);
  }

  // ------------------------------------------------------------------------------------------------------------ controls
  function button(parent, words, act, attributes = {}) {
    const node = html(parent, "button", { type: "button", ...attributes }, words);
    node.addEventListener("click", act);
    return node;
  }

  // One of some choices {value: words}, as tokens; a radio group, so that Tab enters it once and arrow keys choose.
  function tokens(parent, label, choices, change) {
    const group = html(parent, "div", { class: "tokens", role: "radiogroup", "aria-label": label });
    const name = `d2l-${document.querySelectorAll(".d2l-figure [role=radiogroup]").length}`;
    const inputs = Object.entries(choices).map(([value, words]) => {
      const token = html(group, "label");
      const input = html(token, "input", { type: "radio", name, value });
      input.addEventListener("change", () => change(value));
      html(token, "span", {}, words);
      return input;
    });
    return { group, inputs, choose: (value) => { for (const input of inputs) input.checked = input.value === value; } };
  }

  // The same, small, under its name
  function choice(parent, label, choices, change) {
    const part = html(parent, "div");
    titled(part, label);
    const made = tokens(part, label, choices, change);
    made.group.classList.add("small");
    return made;
  }

  // Which head's weights are shown: "mean" or a number; and these weights, of what each head has [head][place] -> [place]
  function headChoice(parent, count, change) {
    const every = Object.fromEntries([["mean", "mean"], ...Array.from({ length: count }, (_, h) => [h, `${h + 1}`])]);
    return choice(parent, "Head", every, (name) => change(name === "mean" ? name : Number(name)));
  }
  const ofHead = (heads, head) => (head === "mean" ? heads[0].map((_, k) => heads.reduce((sum, one) => sum + one[k], 0) / heads.length) : heads[head]);

  // Room for so many words below each other, each with its weight in each layer. show(words, chosen, weights [layer][place] or null)
  function wordColumn(parent, { heading, label, count, layers, change }) {
    const box = html(parent, "div", { class: "word-column" }), head = html(box, "div", { class: "head" });
    html(head, "span", {}, heading);
    for (let layer = 1; layer <= layers; layer++) html(head, "span", { class: "number" }, `layer ${layer}`);
    const blank = Object.fromEntries(Array.from({ length: count }, (_, k) => [k, ""]));
    const { group, inputs } = tokens(box, label, blank, (k) => change(Number(k)));
    const cells = inputs.map((input) => Array.from({ length: layers }, () => html(input.parentNode, "span", { class: "number" })));
    const show = (words, chosen, weights) => inputs.forEach((input, k) => {
      input.parentNode.hidden = k >= words.length;
      input.checked = k === chosen && k < words.length;
      input.nextSibling.textContent = words[k] ?? "";
      cells[k].forEach((cell, layer) => {
        const value = k < words.length ? weights?.[layer][k] : undefined;
        if (value !== undefined) return weigh(cell, value);
        cell.classList.remove("weight");
        cell.textContent = "";
      });
    });
    return { box, group, inputs, show };
  }

  // A question to be answered before the first drag, and what to do then; the figure has the answer.
  function prompt(parent, question, choices, then) {
    const part = html(parent, "div", { class: "prompt" });
    html(part, "p", {}, question);
    tokens(part, question, choices, () => { after.hidden = false; }).group.classList.add("small");
    const after = html(part, "p", { hidden: "", role: "status" }, then);
  }

  // Follow a pointer while it is down. A finger that drags along "x" drags once it goes sideways, and else scrolls the page.
  function drag(node, { along = "free", start = () => {}, follow, stop = () => {} }) {
    let held = null;
    node.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || held) return;
      held = { id: event.pointerId, x: event.clientX, y: event.clientY };
      held.drags = along === "free" || event.pointerType !== "touch";
      node.setPointerCapture(held.id);
      start(event);
      if (held.drags) follow(event);
    });
    node.addEventListener("pointermove", (event) => {
      if (event.pointerId !== held?.id) return;
      held.drags ||= Math.abs(event.clientX - held.x) > Math.abs(event.clientY - held.y);
      if (held.drags) follow(event);
    });
    node.addEventListener("pointerup", (event) => event.pointerId === held?.id && (follow(event), stop(event)));
    node.addEventListener("lostpointercapture", () => { held = null; }); // after up and after cancel
  }

  // Act on some keys: {key: function of the event}; never where a browser or a screen reader has its own use for them.
  function keys(node, acts) {
    node.addEventListener("keydown", (event) => {
      if (!(event.key in acts) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      acts[event.key](event);
    });
  }

  // --------------------------------------------------------------------------------------------------------------- views
  // A heading with a number at its right; for the control of that id, if there is one
  function titled(parent, words, control) {
    const title = html(parent, "div", { class: "title" });
    html(title, control ? "label" : "span", control ? { for: control } : {}, words);
    return html(title, "output", control ? { for: control } : {});
  }

  // Lines through the samples; a sample without a value is a gap, a lone sample becomes a dot.
  function runs(samples, toX, toY) {
    const parts = [[]];
    for (const [x, y] of samples) y === null ? parts.push([]) : parts.at(-1).push([toX(x), toY(y)]);
    return parts.filter((part) => part.length).map((part) => path(part.length > 1 ? part : [part[0], part[0]])).join("");
  }

  // What is drawn how: pairs [words, SVG of 22 x 12 pixels]; for the eye alone, since a picture has a label of its own
  function legend(parent, entries) {
    const swatch = ([words, shape]) => `<span><svg width="22" height="12" viewBox="0 0 22 12">${shape}</svg>${words}</span>`;
    html(parent, "div", { class: "legend", "aria-hidden": "true" }).innerHTML = entries.map(swatch).join("");
  }

  // A weight or a probability from 0 to 1 as the length of a bar behind its number.
  function weigh(cell, value) {
    cell.classList.add("weight");
    cell.style.setProperty("--share", `${(100 * value).toFixed(1)}%`);
    cell.classList.toggle("none", value < 0.005);
    cell.textContent = show(value, 2);
  }

  // Probabilities, the largest first: rows [words, probability, class name or ""].
  function bars(parent, rows) {
    parent.replaceChildren();
    for (const [words, probability, kind] of rows) {
      const line = html(parent, "div", { class: `bar ${kind}` });
      html(line, "span", {}, words);
      weigh(html(line, "span"), probability);
    }
  }

  // ---------------------------------------------------------------------------------------------------- figures on a page
  function start(root) {
    const name = root.dataset.figure, live = html(root, "form", { class: `live ${name}`, autocomplete: "off" });
    set(live, { "data-lm-suppress-shortcuts": "true" }); // JupyterLab's
    live.addEventListener("submit", (event) => event.preventDefault());
    try {
      const { initial, build, compute, draw } = figures[name];
      const weights = root.dataset.weights ? JSON.parse(root.dataset.weights) : networks[name];
      if (!weights) throw new Error(`data/${name}.js is not loaded`);
      const figure = { root, weights, state: initial(weights) };
      figure.update = () => attempt(root, () => draw(view, compute(weights, figure.state), figure.state));
      const view = build(live, figure);
      live.addEventListener("keydown", (event) => ARROWS.includes(event.key) && event.stopPropagation()); // no slide turns
      draw(view, compute(weights, figure.state), figure.state);
      root.dataset.ready = "";
    } catch (error) {
      complain(root, error);
    }
  }
  function attempt(root, act) {
    try { act(); } catch (error) { complain(root, error); }
  }
  // In the figure's place, above its picture
  function complain(root, error) {
    delete root.dataset.ready;
    root.querySelector(".live")?.remove();
    root.prepend(html(root, "p", { class: "problem", role: "alert" }, `The live figure cannot run: ${error.message}.`));
  }

  // Register a figure, and start it wherever the page has it. Runs any number of times.
  function addFigure(name, figure) {
    figures[name] = figure;
    document.querySelectorAll(`.d2l-figure[data-figure="${name}"]:not([data-ready]):not(:has(.problem))`).forEach(start);
  }

  return {
    figures, networks, addFigure, load, tensor, row, stack, map, transpose, take, matmul, add, affine, lstmStep, softmax,
    above, named, layerNorm, attend, bert, clamp, show, path, runs, set, html, svg, titled, button, tokens, choice, headChoice, ofHead, wordColumn, prompt, drag, keys, legend, weigh, bars,
  };
})();

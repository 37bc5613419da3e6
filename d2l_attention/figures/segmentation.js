// A segmentation network labels the landscape that the reader paints, and shows whom a pixel asks.
(() => {
  "use strict";
  const { html, svg, set, titled, show, tensor, row, stack, map, transpose, take, add, affine, matmul, softmax, clamp } = D2L;
  const EPSILON = 1e-5, HIGH = 5, WIDE = 7; // a sprite's rows and columns
  const TOOLS = { ask: "ask a pixel", boat: "paint a boat", duck: "paint a duck", clear: "clear it" };
  const START = { // what floats where, by the row and column of its middle, and the pixel that asks
    "a duck": { scene: "bay", things: [["duck", 20, 36]], row: 27, column: 5 },
    "a boat": { scene: "hills", things: [["boat", 18, 11]], row: 26, column: 42 },
    "both": { scene: "two rocks", things: [["boat", 19, 8], ["duck", 19, 40]], row: 28, column: 24 },
    "neither": { scene: "bay", things: [], row: 27, column: 5 },
  };
  const PREDICT = "Predict first. A lake has one duck, far to the right. You paint one boat, far to the left. The water is then";
  const PREDICTIONS = { lake: "lake", sea: "sea", both: "sea beside the boat, lake beside the duck" };
  const NOW = "Now choose \u201cpaint a boat\u201d and tap the water at the left; then clear the duck.";

  // ----------------------------------------------------------------------------------------------------------- the model
  // The landscape with all that is painted on it: pixels from 0 to 255, (3, H W)
  function picture({ landscapes, scenes, sprites, inks, height, width }, { scene, things }) {
    const pixels = tensor([3, height * width], take(landscapes, [scenes.indexOf(scene)]).data);
    for (const [kind, middleRow, middleColumn] of things) {
      const [top, left] = [middleRow - 2, middleColumn - 3];
      sprites[kind].forEach((line, down) => [...line].forEach((ink, right) => {
        if (ink !== ".") inks[ink].forEach((value, c) => { pixels.data[c * height * width + (top + down) * width + left + right] = value; });
      }));
    }
    return pixels;
  }

  // 3 x 3 with zeros around, then relu(gamma (y - mean) / sqrt(var + epsilon) + beta): (c, h w) -> (d, h / s w / s)
  function convolution(x, [h, w], s, { C, gamma, beta, mean, variance }) {
    const [c] = x.shape, d = gamma.data.length, rows = Math.ceil(h / s), columns = Math.ceil(w / s), out = new Float64Array(d * rows * columns);
    for (let o = 0; o < d; o++) {
      const scale = gamma.data[o] / Math.sqrt(variance.data[o] + EPSILON);
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) {
          let y = 0;
          for (let a = Math.max(0, 1 - s * i); a < Math.min(3, h + 1 - s * i); a++)
            for (let b = Math.max(0, 1 - s * j); b < Math.min(3, w + 1 - s * j); b++)
              for (let k = 0; k < c; k++) y += C.data[((o * c + k) * 3 + a) * 3 + b] * x.data[(k * h + s * i + a - 1) * w + s * j + b - 1];
          out[(o * rows + i) * columns + j] = Math.max(0, (y - mean.data[o]) * scale + beta.data[o]);
        }
    }
    return tensor([d, rows * columns], out);
  }
  const layer = (network, k) => ({ C: network[`C_${k}`], gamma: network[`gamma_${k}`], beta: network[`beta_${k}`],
    mean: network[`mean_${k}`], variance: network[`var_${k}`] });

  // The mean of each 2 x 2 features: (n, d) of h rows and w columns -> (n / 4, d)
  function squares(x, [h, w]) {
    const parts = [0, 1, w, w + 1].map((shift) => take(x, Array.from({ length: (h * w) / 4 }, (_, k) => {
      const i = Math.floor(k / (w / 2)), j = k % (w / 2);
      return 2 * i * w + 2 * j + shift;
    })));
    return map(parts.reduce(add), (value) => value / 4);
  }

  // gamma (x - mean) / sqrt(var + epsilon) + beta, of each row
  function normalise(x, gamma, beta) {
    const [n, d] = x.shape;
    return stack(Array.from({ length: n }, (_, i) => {
      const values = x.data.subarray(i * d, (i + 1) * d), mean = values.reduce((a, b) => a + b) / d;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / d;
      return row(values.map((value, k) => (gamma.data[k] * (value - mean)) / Math.sqrt(variance + EPSILON) + beta.data[k]));
    }));
  }

  const columnsOf = (x, from, to) => transpose(take(transpose(x), Array.from({ length: to - from }, (_, k) => from + k)));

  // x = CNN(image); x + W_o [sum_c alpha_h(x_c, x_t) W_v x_c]; logits of the 2 x 2 pixels of each feature
  function compute(network, state) {
    const { height, width, heads, classes } = network, grid = [height / 2, width / 2], half = grid[1];
    const image = map(picture(network, state), (value) => (value / 255 - 0.5) * 4);
    const first = convolution(image, [height, width], 2, layer(network, 1));
    const x = transpose(add(first, convolution(first, grid, 1, layer(network, 2)))); // (n, d)
    const target = normalise(x, network.gamma_x, network.beta_x), others = normalise(squares(x, grid), network.gamma_x, network.beta_x);
    const [query, key, value] = [affine(target, network.W_q), affine(others, network.W_k), affine(others, network.W_v)];
    const size = query.shape[1] / heads, asker = Math.floor(state.row / 2) * half + Math.floor(state.column / 2), weights = [], contexts = [];
    for (let h = 0; h < heads; h++) {
      const [q, k, v] = [query, key, value].map((one) => columnsOf(one, h * size, (h + 1) * size));
      const alpha = softmax(map(matmul(q, transpose(k)), (score) => score / Math.sqrt(size))); // (n, m)
      weights.push([...take(alpha, [asker]).data]);
      contexts.push(transpose(matmul(alpha, v)));
    }
    const joined = transpose(tensor([heads * size, x.shape[0]], contexts.flatMap((one) => [...one.data])));
    const logits = affine(add(x, affine(joined, network.W_o)), network.W, network.b); // (n, 4 C)
    const pixels = Array.from({ length: height * width }, (_, k) => {
      const i = Math.floor(k / width), j = k % width, inside = 2 * (i % 2) + (j % 2), n = Math.floor(i / 2) * half + Math.floor(j / 2);
      const from = n * 4 * classes.length + inside * classes.length;
      return row(logits.data.subarray(from, from + classes.length));
    });
    const probabilities = softmax(stack(pixels)); // (H W, C)
    const of = [...take(probabilities, [state.row * width + state.column]).data];
    const shares = classes.map((_, c) => probabilities.data.reduce((sum, p, k) => sum + (k % classes.length === c ? p : 0), 0) / (height * width));
    return { weights, probabilities: of, shares, labels: pixels.map(({ data }) => data.indexOf(Math.max(...data))) };
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights, tool: "ask" };
    D2L.prompt(live, PREDICT, PREDICTIONS, NOW);
    const left = html(live, "div", { class: "picture photographed" });
    const views = html(left, "div", { class: "views" });
    view.scene = board(view, views, "The picture", "landscape");
    view.labels = board(view, views, "The label of each pixel", "labels");
    buildPointer(view);
    html(left, "div", { class: "caption" }, "Whom the pixel at the cross asks, head by head");
    const maps = html(left, "div", { class: "heads" });
    view.heads = Array.from({ length: view.network.heads }, (_, h) => buildHead(view, maps, h + 1));
    const panel = html(live, "div", { class: "panel" });
    buildTools(view, html(panel, "div"));
    const answers = html(panel, "div");
    titled(answers, "The pixel at the cross");
    view.answer = html(answers, "div", { class: "bars" });
    view.said = html(answers, "p", { class: "said", role: "status" });
    html(live, "div", { class: "hint" }, `Attention with four heads, trained on ${view.network.pictures.toLocaleString("en")} landscapes with boats or `
      + `ducks, never both; mIoU ${view.network.miou.toFixed(3)} on new ones. All of it is computed here.`);
    return view;
  }

  function board(view, parent, words, name) {
    const part = html(parent, "div", { class: name }), { width, height } = view.network;
    html(part, "div", { class: "caption" }, words);
    const frame = html(part, "div", { class: "board" });
    const canvas = html(frame, "canvas", { width, height, role: "img" });
    return { canvas, cross: cross(frame, width, height) };
  }

  function cross(parent, width, height) {
    const over = svg(parent, "svg", { class: "over", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    return svg(over, "path", { class: "cross" });
  }

  // The picture is a button of its own: a tap acts where it lands, arrow keys move the cross, Enter acts there.
  function buildPointer(view) {
    const { canvas } = view.scene, { width, height } = view.network;
    set(canvas, { tabindex: "0", role: "application", "aria-roledescription": "landscape to paint" });
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      touch(view, Math.floor(((event.clientY - box.top) / box.height) * height), Math.floor(((event.clientX - box.left) / box.width) * width));
    });
    const go = (down, right) => () => {
      const { state } = view.figure;
      Object.assign(state, { row: clamp(state.row + down, 0, height - 1), column: clamp(state.column + right, 0, width - 1) });
      view.figure.update();
    };
    const act = () => touch(view, view.figure.state.row, view.figure.state.column);
    D2L.keys(canvas, { ArrowLeft: go(0, -2), ArrowRight: go(0, 2), ArrowUp: go(-2, 0), ArrowDown: go(2, 0), Enter: act, " ": act });
  }

  function buildHead(view, parent, number) {
    const { width, height } = view.network, part = html(parent, "div", { class: "head" });
    html(part, "div", { class: "caption" }, `head ${number}`);
    const picture = svg(part, "svg", { role: "img", viewBox: `0 0 ${width} ${height}` });
    const cells = Array.from({ length: (width * height) / 16 }, (_, k) =>
      svg(picture, "rect", { class: "heat", x: 4 * (k % (width / 4)), y: 4 * Math.floor(k / (width / 4)), width: 4, height: 4 }));
    return { picture, cells, things: svg(picture, "path", { class: "outline" }), cross: svg(picture, "path", { class: "cross" }) };
  }

  function buildTools(view, parent) {
    titled(parent, "Tap the picture to");
    view.tools = D2L.tokens(parent, "Tap the picture to", TOOLS, (tool) => { view.tool = tool; view.figure.update(); });
    titled(parent, "Scene").parentNode.classList.add("next");
    const names = Object.fromEntries(Object.keys(START).map((name) => [name, name]));
    view.scenes = D2L.tokens(parent, "Scene", names, (name) => view.figure.update((view.figure.state = opened(name))));
    for (const group of [view.tools, view.scenes]) group.group.classList.add("small");
  }

  const opened = (name) => ({ name, ...START[name], things: START[name].things.map((thing) => [...thing]) });

  function touch(view, line, column) {
    const { figure: { state }, network: { height, width }, tool } = view;
    const near = ([, r, c]) => Math.abs(r - line) <= HIGH / 2 + 1 && Math.abs(c - column) <= WIDE / 2 + 1;
    if (tool === "ask") {
      Object.assign(state, { row: line, column });
    } else {
      state.things = state.things.filter((thing) => !near(thing));
      if (tool !== "clear") state.things.push([tool, clamp(line, 2, height - 3), clamp(column, 3, width - 4)]);
      state.name = "";
    }
    view.figure.update();
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { weights, probabilities, shares, labels }, state) {
    const { network } = view, { classes, palette, height, width } = network, pixels = picture(network, state).data, size = height * width;
    paint(view.scene.canvas, (k) => [0, 1, 2].map((c) => pixels[c * size + k]));
    paint(view.labels.canvas, (k) => palette[labels[k]]);
    const mark = `M${state.column - 1.5},${state.row + 0.5}h4M${state.column + 0.5},${state.row - 1.5}v4`;
    const things = state.things.map(([, r, c]) => `M${c - 3.5},${r - 2.5}h8v6h-8z`).join("");
    for (const { cross } of [view.scene, view.labels]) set(cross, { d: mark });
    view.heads.forEach((head, h) => drawHead(view, head, weights[h], { mark, things, number: h + 1 }));
    const best = probabilities.indexOf(Math.max(...probabilities));
    const order = [...classes.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, 4);
    D2L.bars(view.answer, order.map((c) => [classes[c], probabilities[c], c === best ? "first" : ""]));
    const [sea, lake] = ["sea", "lake"].map((name) => shares[classes.indexOf(name)]), share = sea / (sea + lake);
    view.said.textContent = `Of the water, ${show(share, 2)} is sea.`;
    const floats = state.things.map(([kind, r, c]) => `a ${kind} at row ${r + 1}, column ${c + 1}`).join(", ") || "neither boat nor duck";
    set(view.scene.canvas, { "aria-label": `The picture: ${floats}. The cross is at row ${state.row + 1}, column ${state.column + 1}: ${classes[best]}` });
    set(view.labels.canvas, { "aria-label": `The label of each pixel; of the water, ${show(share, 2)} is sea` });
    view.tools.choose(view.tool);
    view.scenes.choose(state.name);
    Object.assign(view.figure.root.dataset, { answer: classes[best], sea: share });
  }

  function paint(canvas, colorOf) {
    const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
    for (let k = 0; k < canvas.width * canvas.height; k++) image.data.set([...colorOf(k), 255], 4 * k);
    context.putImageData(image, 0, 0);
  }

  function drawHead({ network: { width } }, { picture, cells, things, cross }, weights, { mark, things: boxes, number }) {
    const largest = Math.max(...weights), most = weights.indexOf(largest), columns = width / 4;
    cells.forEach((cell, k) => { cell.style.fillOpacity = weights[k] / largest; });
    set(things, { d: boxes });
    set(cross, { d: mark });
    const where = `rows ${4 * Math.floor(most / columns) + 1} to ${4 * Math.floor(most / columns) + 4}, columns ${4 * (most % columns) + 1} to ${4 * (most % columns) + 4}`;
    set(picture, { "aria-label": `head ${number}: the largest weight, ${show(largest, 2)}, is on ${where}` });
  }

  D2L.addFigure("segmentation", { initial: () => opened("a duck"), build, compute, draw });
})();

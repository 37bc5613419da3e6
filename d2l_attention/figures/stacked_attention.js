// Stacked attention answers a question about the scene that the reader paints: the weights of both hops on its regions.
(() => {
  "use strict";
  const { html, svg, set, titled, show, row, stack, map, take, add, affine, matmul, transpose, softmax } = D2L;
  const INK = { red: "#d64000", blue: "#005ebf", yellow: "#f0db33", green: "#009966" };
  const OUTLINE = { square: "M20,20H80V80H20Z", circle: "M50,16A34,34 0 1 1 49.9,16Z", triangle: "M50,16L86,80H14Z" };
  const STEPS = { "left of": [0, -1], "right of": [0, 1], above: [-1, 0], below: [1, 0] };
  const SCENES = { // color and shape by their first letters, row by row; the question
    "two pairs": [". . . . .", ". bc rs . .", ". . . . .", ". . yc rc .", ". . . . .", "left of", "red", "square"],
    crowded: ["gt . bs . rc", ". yc gs . .", "bt rt . yt .", ". . yt gc .", ". bc rs . gt", "above", "green", "circle"],
    empty: [". . . . .", ". . . . .", ". . . . .", ". . . . .", ". . . . .", "left of", "red", "square"],
  };
  const PREDICT = "Predict first. Blue and yellow change places, and then the red square and the red circle, too. The answer is then";
  const PREDICTIONS = { blue: "blue", yellow: "yellow", red: "red" };
  const NOW = "Now do both: choose \u201cswap colors\u201d and tap the two things on the left; then \u201cswap shapes\u201d, and the two on the right.";

  // ----------------------------------------------------------------------------------------------------------- the model
  const asked = ({ relation, color, shape }) => `what color is the shape ${relation} the ${color} ${shape}`;

  // The state of an LSTM at the last word, from zero: (1, d)
  function read({ words, words_of, W_x, b_x, W_h, b_h }, question) {
    let state = { h: row(new Float64Array(W_h.shape[1])), c: row(new Float64Array(W_h.shape[1])) };
    for (const word of question.split(" ")) state = D2L.lstmStep(take(words_of, [words.indexOf(word)]), state, { W_x, b_x, W_h, b_h });
    return state.h;
  }

  // What the region network says of each cell, and its place, counted from the middle: (n, c + 2)
  function regions({ features, grid }, things) {
    const place = (i) => [Math.floor(i / grid) - (grid - 1) / 2, (i % grid) - (grid - 1) / 2];
    return stack(things.map((thing, i) => row([...take(features, [thing]).data, ...place(i)])));
  }

  // v_i = tanh(W_I f_i + b_I); p_i = softmax(w . tanh(W v_i + U u + b)), u = u + sum_i p_i v_i, twice; answer = softmax(W_u u + b_u)
  function compute(network, state) {
    const v = map(affine(regions(network, state.things), network.W_I, network.b_I), Math.tanh); // (n, d)
    let u = read(network, asked(state)); // (1, d)
    const hops = [];
    for (const k of [1, 2]) {
      const query = affine(u, network[`U_${k}`], network[`b_${k}`]); // (1, s)
      const hidden = map(add(affine(v, network[`W_${k}`]), query), Math.tanh); // (n, s)
      const p = softmax(transpose(affine(hidden, network[`w_${k}`]))); // (1, n)
      u = add(u, matmul(p, v));
      hops.push([...p.data]);
    }
    return { hops, answer: [...softmax(affine(u, network.W_u, network.b_u)).data] };
  }

  // ------------------------------------------------------------------------------------------------------- what is where
  // A thing is a number: 0 is nothing, then each color's shapes.
  function kindOf({ colors, shapes }, thing) {
    return thing ? { color: colors[Math.floor((thing - 1) / shapes.length)], shape: shapes[(thing - 1) % shapes.length] } : null;
  }
  const numberOf = ({ colors, shapes }, { color, shape }) => 1 + colors.indexOf(color) * shapes.length + shapes.indexOf(shape);
  const nameOf = (network, thing) => (thing ? Object.values(kindOf(network, thing)).join(" ") : "nothing");

  function opened(network, name) {
    const { colors, shapes } = network, by = (words, letter) => words.find((word) => word[0] === letter);
    const [relation, color, shape] = SCENES[name].slice(-3);
    const cells = SCENES[name].slice(0, -3).flatMap((line) => line.split(" "));
    const things = cells.map(([c, s]) => (s ? numberOf(network, { color: by(colors, c), shape: by(shapes, s) }) : 0));
    return { scene: name, things, relation, color, shape };
  }

  // The right answer, or why there is none: {answer} or {reason}
  function rule(network, { things, relation, color, shape }) {
    const named = [...things.keys()].filter((i) => things[i] === numberOf(network, { color, shape }));
    if (!named.length) return { reason: `there is no ${color} ${shape}` };
    if (named.length > 1) return { reason: `there are ${named.length} ${color} ${shape}s` };
    const [down, right] = STEPS[relation], { grid } = network;
    const place = [Math.floor(named[0] / grid) + down, (named[0] % grid) + right];
    const inside = place.every((at) => at >= 0 && at < grid), found = inside && things[place[0] * grid + place[1]];
    return found ? { answer: kindOf(network, found).color } : { reason: `nothing is ${relation} the ${color} ${shape}` };
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  function build(live, figure) {
    const view = { figure, network: figure.weights, tool: "swap colors", first: null };
    D2L.prompt(live, PREDICT, PREDICTIONS, NOW);
    const left = html(live, "div", { class: "picture photographed" });
    view.question = html(left, "p", { class: "question", role: "status" });
    const views = html(left, "div", { class: "views" });
    buildScene(view, titledView(views, "scene"));
    view.maps = [1, 2].map((k) => buildMap(view, titledView(views, `hop ${k}`)));
    titled(left, "Answer");
    view.answer = html(left, "div", { class: "bars" });
    view.truth = html(left, "p", { class: "truth", role: "status" });
    const panel = html(live, "div", { class: "panel" });
    buildTools(view, html(panel, "div"));
    buildQuestion(view, html(panel, "div"));
    html(live, "div", { class: "hint" }, hint(view.network));
    return view;
  }

  const hint = ({ pictures, accuracy }) => `Two hops, trained on ${pictures.toLocaleString("en")} pictures; right on `
    + `${accuracy.toFixed(3)} of the questions about new ones. What the region network says of each thing is stored; the LSTM and both hops are computed here.`;

  function titledView(parent, words) {
    const part = html(parent, "div", { class: words.replace(" ", "") });
    html(part, "div", { class: "caption" }, words);
    return part;
  }

  function icon(parent, kind) {
    const picture = svg(parent, "svg", { viewBox: "0 0 100 100", "aria-hidden": "true" });
    if (kind) svg(picture, "path", { class: "thing", d: OUTLINE[kind.shape], fill: INK[kind.color] });
  }

  function buildScene(view, parent) {
    const { grid } = view.network, group = html(parent, "div", { class: "cells", role: "group", "aria-label": "scene" });
    group.style.setProperty("--grid", grid);
    view.cells = Array.from({ length: grid * grid }, (_, i) => {
      const cell = D2L.button(group, "", () => touch(view, i), { tabindex: i ? -1 : 0 });
      const go = (by, stays) => () => stays && [cell, view.cells[i + by]].forEach((node, k) => { node.tabIndex = k - 1; k && node.focus(); });
      const [line, column] = [Math.floor(i / grid), i % grid];
      D2L.keys(cell, { ArrowLeft: go(-1, column > 0), ArrowRight: go(1, column < grid - 1),
        ArrowUp: go(-grid, line > 0), ArrowDown: go(grid, line < grid - 1) });
      return cell;
    });
  }

  function buildMap(view, parent) {
    const { grid } = view.network, picture = svg(parent, "svg", { class: "map", role: "img", viewBox: `0 0 ${40 * grid} ${40 * grid}` });
    return { picture, cells: view.cells.map((_, i) => {
      const [x, y] = [40 * (i % grid), 40 * Math.floor(i / grid)], cell = svg(picture, "g", { transform: `translate(${x},${y})` });
      return { heat: svg(cell, "rect", { class: "heat", width: 40, height: 40 }), outline: svg(cell, "path", { class: "outline", transform: "scale(.4)" }),
        number: svg(cell, "text", { x: 20, y: 20, dy: "0.35em", "text-anchor": "middle" }) };
    }) };
  }

  function buildTools(view, parent) {
    const { colors, shapes } = view.network, kinds = colors.flatMap((color) => shapes.map((shape) => ({ color, shape })));
    titled(parent, "Tap a cell to");
    const tools = { "swap colors": "swap colors", "swap shapes": "swap shapes", "put 0": "clear it" };
    for (const kind of kinds) tools[`put ${numberOf(view.network, kind)}`] = Object.values(kind).join(" ");
    view.tools = D2L.tokens(parent, "Tap a cell to", tools, (tool) => { view.tool = tool; view.first = null; view.figure.update(); });
    view.tools.group.classList.add("small", "tools");
    for (const input of view.tools.inputs) {
      const thing = Number(input.value.slice(4));
      if (!(thing > 0)) continue;
      set(input, { "aria-label": tools[input.value] });
      input.nextSibling.replaceChildren();
      icon(input.nextSibling, kindOf(view.network, thing));
    }
    titled(parent, "Scene");
    const names = Object.fromEntries(Object.keys(SCENES).map((name) => [name, name]));
    view.scenes = D2L.tokens(parent, "Scene", names, (name) => view.figure.update((view.figure.state = opened(view.network, name))));
    view.scenes.group.classList.add("small");
  }

  function buildQuestion(view, parent) {
    titled(parent, "What color is the shape \u2026");
    view.words = Object.entries({ relation: Object.keys(STEPS), color: view.network.colors, shape: view.network.shapes }).map(([part, words]) => {
      const choices = Object.fromEntries(words.map((word) => [word, part === "color" ? `the ${word}` : word]));
      const group = D2L.tokens(parent, part, choices, (word) => view.figure.update((view.figure.state[part] = word)));
      group.group.classList.add("small");
      return [part, group];
    });
  }

  // Paint a cell, or exchange something of two
  function touch(view, i) {
    const { state } = view.figure, { things } = state, { first, network, tool } = view;
    if (!tool.startsWith("swap")) {
      things[i] = Number(tool.slice(4));
    } else if (first === null) {
      view.first = things[i] ? i : null;
      return view.figure.update();
    } else if (things[i]) {
      const part = tool === "swap colors" ? "color" : "shape", [a, b] = [first, i].map((at) => kindOf(network, things[at]));
      things[first] = numberOf(network, { ...a, [part]: b[part] });
      things[i] = numberOf(network, { ...b, [part]: a[part] });
    }
    [view.first, state.scene] = [null, ""];
    view.figure.update();
  }

  // ------------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { hops, answer }, state) {
    const { network } = view, best = answer.indexOf(Math.max(...answer)), { answer: right, reason } = rule(network, state);
    view.question.textContent = `What color is the shape ${state.relation} the ${state.color} ${state.shape}?`;
    drawScene(view, state);
    view.maps.forEach((drawn, k) => drawMap(view, drawn, hops[k], state, k + 1));
    D2L.bars(view.answer, network.colors.map((color, i) => [color, answer[i], i === best ? "first" : ""]));
    const said = right === network.colors[best] ? "The network is right." : "The network is wrong.";
    view.truth.textContent = right ? `It is ${right}. ${said}` : `No answer is right: ${reason}.`;
    view.tools.choose(view.tool);
    view.scenes.choose(state.scene);
    for (const [part, group] of view.words) group.choose(state[part]);
    Object.assign(view.figure.root.dataset, { answer: network.colors[best], probability: answer[best], right: right ?? "none" });
  }

  function drawScene({ cells, first, network }, { things }) {
    cells.forEach((cell, i) => {
      cell.classList.toggle("chosen", i === first);
      const place = `row ${Math.floor(i / network.grid) + 1}, column ${(i % network.grid) + 1}`;
      set(cell, { "aria-label": `${place}: ${nameOf(network, things[i])}` });
      if (cell.dataset.thing === String(things[i])) return;
      cell.replaceChildren();
      icon(cell, kindOf(network, things[i]));
      cell.dataset.thing = things[i];
    });
  }

  function drawMap({ network }, { picture, cells }, weights, { things }, hop) {
    const most = weights.indexOf(Math.max(...weights)), { grid } = network;
    cells.forEach(({ heat, outline, number }, i) => {
      heat.style.fillOpacity = 0.6 * weights[i];
      set(outline, { d: things[i] ? OUTLINE[kindOf(network, things[i]).shape] : "" });
      number.textContent = weights[i] >= 0.045 ? show(weights[i], 2).replace(/^0/, "") : "";
    });
    const where = `row ${Math.floor(most / grid) + 1}, column ${(most % grid) + 1}, ${nameOf(network, things[most])}`;
    set(picture, { "aria-label": `hop ${hop}: the largest weight, ${show(weights[most], 2)}, is on ${where}` });
  }

  D2L.addFigure("stacked_attention", { initial: (network) => opened(network, "two pairs"), build, compute, draw, rule });
})();

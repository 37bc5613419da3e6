// The karate club: the reader makes and ends friendships, and sees the sides and the weights change.
(() => {
  "use strict";
  const { html, svg, set, titled, show, map, take, add, affine, matmul, transpose, softmax, tensor, row } = D2L;
  const KINDS = { attention: "attention", constant: "constant" };
  const ACTS = { look: "look at one", link: "join or part two" };
  const SIZE = 360, EDGE = 22;
  const PREDICT = "Predict first. All friendships end. How many of 34 does the trained network still put on the right side?";
  const PREDICTIONS = { 17: "17", 25: "25", 33: "more than 30" };
  const NOW = "Now choose \u201cno friends\u201d below. Then \u201call friends\u201d again; part 11 from the instructor, 0, and join him with the president, 33.";

  // ----------------------------------------------------------------------------------------------------------- the model
  const elu = (x) => map(x, (value) => (value > 0 ? value : Math.exp(value) - 1));
  const leaky = (value) => (value > 0 ? value : 0.2 * value);

  // Who reads whom: (N, N), each member itself, too
  function adjacency(n, pairs) {
    const reads = tensor([n, n], new Float64Array(n * n).map((_, k) => (k % (n + 1) ? 0 : 1)));
    for (const [i, j] of pairs) [reads.data[i * n + j], reads.data[j * n + i]] = [1, 1];
    return reads;
  }

  // alpha_ij = softmax over the neighbours j of LeakyReLU(q . H_i + k . H_j), (N, d) (1, d) (1, d) -> (N, N)
  function weigh(reads, H, q, k) {
    const n = reads.shape[0], asked = affine(H, q).data, offered = affine(H, k).data;
    return softmax(map(reads, (one, at) => (one ? leaky(asked[Math.floor(at / n)] + offered[at % n]) : -Infinity)));
  }

  // alpha_ij = 1 / sqrt(d_i d_j)
  function constant(reads) {
    const n = reads.shape[0], degree = matmul(reads, transpose(row(new Float64Array(n).fill(1)))).data;
    return map(reads, (one, at) => one / Math.sqrt(degree[Math.floor(at / n)] * degree[at % n]));
  }

  // h_i = [sum_j alpha^1_ij W^1 x_j ...] + b; x (N, f), or null for one-hot numbers
  function layer(network, kind, number, heads, x, reads) {
    const [W, b, q, k] = ["W", "b", "q", "k"].map((name) => network[`${kind}_${name}_${number}`]);
    const every = x ? affine(x, W) : transpose(W), size = W.shape[0] / heads; // (N, H d)
    const parts = Array.from({ length: heads }, (_, h) => {
      const H = transpose(take(transpose(every), Array.from({ length: size }, (_, j) => h * size + j))); // (N, d)
      const alpha = kind === "constant" ? constant(reads) : weigh(reads, H, take(q, [h]), take(k, [h]));
      return { alpha, context: matmul(alpha, H) };
    });
    const joined = transpose(parts.map(({ context }) => transpose(context)).reduce(D2L.above));
    return { h: add(joined, b), weights: parts.map(({ alpha }) => alpha) };
  }

  // Of each member the probability to follow the officers [N], and the first layer's weights [head][N][N]
  function compute(network, { pairs, kind }) {
    const n = network.labels.length, reads = adjacency(n, pairs);
    const first = layer(network, kind, 1, kind === "constant" ? 1 : 4, null, reads);
    const { h } = layer(network, kind, 2, 1, elu(first.h), reads);
    const rows = ({ data }) => Array.from({ length: n }, (_, i) => [...data.subarray(i * n, (i + 1) * n)]);
    return { officers: rows(tensor([n, n], Array.from({ length: n * n }, (_, k) => softmax(take(h, [k % n])).data[1])))[0], weights: first.weights.map(rows) };
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  const initial = ({ pairs }) => ({ pairs: pairs.map((pair) => [...pair]), kind: "attention", member: 11, head: "mean" });
  const same = ([a, b], i, j) => (a === i && b === j) || (a === j && b === i);

  function build(live, figure) {
    const view = { figure, network: figure.weights, act: "look", first: null };
    D2L.prompt(live, PREDICT, PREDICTIONS, NOW);
    const left = html(live, "div", { class: "picture photographed" });
    view.verdict = html(left, "p", { class: "verdict", role: "status" });
    view.root = svg(left, "svg", { class: "club", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "group", "aria-label": "members" });
    view.lines = svg(view.root, "g", { "aria-hidden": "true" });
    view.members = view.network.places.map((_, i) => buildMember(view, i));
    const panel = html(live, "div", { class: "panel" });
    buildControls(view, html(panel, "div"));
    const part = html(panel, "div");
    view.reads = titled(part, "What the member reads");
    view.bars = html(part, "div", { class: "bars" });
    html(live, "div", { class: "hint" }, hint(view.network));
    return view;
  }

  const hint = ({ right }) => `Trained on the leaders, 0 and 33, alone: of the 32 others ${right.attention} are right with attention, and `
    + `${right.constant} with constant weights. Tap a member, or use the arrow keys and the space bar. What you change is computed anew; nothing is trained anew.`;

  const at = ([x, y]) => [EDGE + x * (SIZE - 2 * EDGE), EDGE + (1 - y) * (SIZE - 2 * EDGE)];

  function buildMember(view, i) {
    const { network } = view, [x, y] = at(network.places[i]);
    const member = svg(view.root, "g", { class: "member tag", role: "button", tabindex: i ? -1 : 0, transform: `translate(${x.toFixed(1)},${y.toFixed(1)})` });
    const [w, h] = network.leaders.includes(i) ? [30, 24] : [23, 18];
    svg(member, "rect", { x: -w / 2, y: -h / 2, width: w, height: h, rx: 6 });
    svg(member, "text", { "text-anchor": "middle", dy: "0.35em" }, `${i}`);
    const go = (by) => () => {
      const next = view.members[(i + by + view.members.length) % view.members.length];
      [member, next].forEach((node, k) => { node.tabIndex = k - 1; });
      next.focus();
    };
    member.addEventListener("click", () => touch(view, i));
    D2L.keys(member, { ArrowLeft: go(-1), ArrowUp: go(-1), ArrowRight: go(1), ArrowDown: go(1), Enter: () => touch(view, i), " ": () => touch(view, i) });
    return member;
  }

  function buildControls(view, part) {
    const { figure, network } = view, change = (name) => (value) => figure.update((figure.state[name] = value));
    view.acts = D2L.choice(part, "Tap members to", ACTS, (act) => { [view.act, view.first] = [act, null]; figure.update(); });
    view.kinds = D2L.choice(part, "Weights", KINDS, change("kind"));
    view.heads = D2L.headChoice(part, 4, change("head"));
    const line = html(part, "div", { class: "line" });
    const make = (pairs) => () => { view.first = null; figure.update((figure.state.pairs = pairs())); };
    D2L.button(line, "No friends", make(() => []));
    D2L.button(line, "All friends", make(() => initial(network).pairs));
  }

  // Look at a member; or, of two that are tapped one after the other, make friends or part them
  function touch(view, i) {
    const { state } = view.figure;
    if (view.act === "look" || view.first === null || view.first === i) {
      view.first = view.act === "look" || view.first === i ? null : i;
      state.member = i;
    } else {
      const known = state.pairs.some((pair) => same(pair, i, view.first));
      state.pairs = known ? state.pairs.filter((pair) => !same(pair, i, view.first)) : [...state.pairs, [view.first, i]];
      [state.member, view.first] = [view.first, null];
    }
    view.figure.update();
  }

  // ---------------------------------------------------------------------------------------- draw, whenever it changes
  function draw(view, { officers, weights }, state) {
    const { network, members, first } = view, { member, kind } = state;
    const head = weights.length === 1 ? 0 : state.head, alpha = D2L.ofHead(weights.map((one) => one[member]), head);
    const right = officers.filter((p, i) => (p > 0.5) === (network.labels[i] === 1)).length;
    const side = (i) => (officers[i] > 0.5 ? "the officers" : "the instructor");
    view.verdict.textContent = `${right} of 34 on the right side; member ${member} with ${side(member)} (${show(Math.max(officers[member], 1 - officers[member]), 2)}).`;
    drawLines(view, state, alpha);
    members.forEach((node, i) => {
      node.classList.toggle("officer", officers[i] > 0.5);
      node.classList.toggle("wrong", (officers[i] > 0.5) !== (network.labels[i] === 1));
      node.classList.toggle("chosen", i === member || i === first);
      set(node, { "aria-label": `member ${i}, with ${side(i)}`, "aria-pressed": i === member });
    });
    const order = [...alpha.keys()].filter((i) => alpha[i] > 0).sort((a, b) => alpha[b] - alpha[a]);
    view.reads.textContent = `${order.length} with itself`;
    D2L.bars(view.bars, order.slice(0, 8).map((i, place) => [i === member ? `itself, ${i}` : `member ${i}`, alpha[i], place ? "" : "first"]));
    view.acts.choose(view.act);
    view.kinds.choose(kind);
    view.heads.choose(String(state.head));
    for (const input of view.heads.inputs) input.disabled = kind === "constant";
    Object.assign(view.figure.root.dataset, { right, member, friends: state.pairs.length, side: officers[member] > 0.5 ? "officers" : "instructor" });
  }

  function drawLines({ lines, network }, { pairs, member }, alpha) {
    lines.replaceChildren();
    for (const [i, j] of pairs) {
      const [[x1, y1], [x2, y2]] = [i, j].map((k) => at(network.places[k])), own = i === member || j === member;
      const line = svg(lines, "line", { class: own ? "own" : "", x1, y1, x2, y2 });
      if (own) line.style.strokeWidth = `${1 + 12 * alpha[i === member ? j : i]}px`;
    }
  }

  D2L.addFigure("graph_attention", { initial, build, compute, draw });
})();

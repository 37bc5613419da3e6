// A pointer network names the corners of the hull, or the stops of a tour, of points that the reader moves.
(() => {
  "use strict";
  const { html, svg, set, show, clamp, map, row, stack, take, transpose, matmul, add, affine, lstmStep, softmax } = D2L;
  const SIDE = 320, EDGE = 22; // the square, and the margin around it, in the picture's own unit
  const FEWEST = 3, MOST = 10;
  const START = [[0.08, 0.42], [0.2, 0.85], [0.34, 0.55], [0.45, 0.12], [0.56, 0.66], [0.7, 0.92], [0.8, 0.3], [0.94, 0.6]];
  const SPARE = [[0.5, 0.4], [0.25, 0.2], [0.65, 0.5], [0.4, 0.75], [0.85, 0.8], [0.15, 0.65], [0.6, 0.15]];
  const PREDICT = "Predict first. You push a corner of the hull slowly inwards. The network leaves it out";
  const PREDICTIONS = { before: "while it is still a corner", when: "just as it stops being one", after: "some time after" };
  const THEN = "Now do it, with several corners, and watch the weights of the step before.";
  const NAMES = { hull: "convex hull", tour: "shortest tour" };
  const LEGEND = { "the network": '<path class="answer" d="M1,6H21"/>', exact: '<path class="exact" d="M2,6H20"/>',
    "weight of the step (area)": '<circle class="mass" cx="11" cy="6" r="6"/>' };

  // ----------------------------------------------------------------------------------------------------------- the model
  const leftToRight = (points) => [...points].sort(([a, b], [c, d]) => a - c || b - d);
  const lstm = (w, name) => Object.fromEntries(["W_x", "b_x", "W_h", "b_h"].map((part) => [part, w(`${name}_${part}`)]));

  // What may follow: the end (0) and points 1 ... n that are free
  function allowed(task, n, used) {
    const ends = task === "hull" ? used.length >= 3 : used.length === n;
    return (j) => (j === 0 ? ends : !used.includes(j));
  }

  // u_ij = v . tanh(W_1 e_j + W_2 d_i), for the end and all points; the answer is the largest weight of each step
  function compute(network, { points, task }) {
    const w = (name) => network[`${task}_${name}`], n = points.length;
    const P = affine(stack(leftToRight(points).map(row)), w("W_P"), w("b_P")); // (n, d)
    const zero = map(w("P_0"), () => 0), e = [w("e_0")], weights = [], used = [];
    let state = { h: zero, c: zero };
    for (let j = 0; j < n; j++) {
      state = lstmStep(take(P, [j]), state, lstm(w, "encoder"));
      e.push(state.h);
    }
    const keys = affine(stack(e), w("W_1")); // (1 + n, d)
    for (let last = 0; weights.length <= n; ) {
      state = lstmStep(last ? take(P, [last - 1]) : w("P_0"), state, lstm(w, "decoder"));
      const hidden = map(add(keys, affine(state.h, w("W_2"))), Math.tanh);
      const may = allowed(task, n, used), u = transpose(affine(hidden, w("v"))); // (1, 1 + n)
      const alpha = [...softmax(map(u, (score, j) => (may(j) ? score : -Infinity))).data];
      weights.push(alpha);
      last = alpha.indexOf(Math.max(...alpha));
      if (last === 0) break;
      used.push(last);
    }
    return { answer: used.map((j) => j - 1), weights };
  }

  // ----------------------------------------------------------------------------------------------------- the exact answers
  const turn = ([ax, ay], [bx, by], [cx, cy]) => (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);

  // Corners from the leftmost on, counter-clockwise; fewer than three if all points lie on one line (Andrew 1979)
  function hull(points) {
    const half = (order) => order.reduce((stacked, k) => {
      while (stacked.length > 1 && turn(points[stacked.at(-2)], points[stacked.at(-1)], points[k]) <= 0) stacked.pop();
      return [...stacked, k];
    }, []);
    const order = points.map((_, k) => k);
    return [...half(order).slice(0, -1), ...half(order.reverse()).slice(0, -1)];
  }

  // The shortest tour, by dynamic programming over the sets of visited points (Held and Karp 1962)
  function tour(points) {
    const n = points.length, full = (1 << (n - 1)) - 1, d = points.map((p) => points.map((q) => distance(p, q)));
    const best = Array.from({ length: full + 1 }, () => Array(n).fill(Infinity)), before = best.map(() => Array(n).fill(0));
    for (let j = 1; j < n; j++) best[1 << (j - 1)][j] = d[0][j];
    for (let visited = 1; visited <= full; visited++)
      for (let j = 1; j < n; j++) {
        const rest = visited & ~(1 << (j - 1));
        if (rest === visited || rest === 0) continue;
        for (let i = 1; i < n; i++) {
          const length = best[rest][i] + d[i][j];
          if (length < best[visited][j]) [best[visited][j], before[visited][j]] = [length, i];
        }
      }
    let visited = full, last = 1;
    for (let j = 2; j < n; j++) if (best[full][j] + d[j][0] < best[full][last] + d[last][0]) last = j;
    const found = [];
    while (visited) {
      found.unshift(last);
      [visited, last] = [visited & ~(1 << (last - 1)), before[visited][last]];
    }
    return [0, ...found];
  }

  const next = (polygon, k) => polygon[(k + 1) % polygon.length];
  const area = (points, polygon) => Math.abs(polygon.reduce((sum, i, k) => {
    const [[x, y], [u, v]] = [points[i], points[next(polygon, k)]];
    return sum + x * v - u * y;
  }, 0)) / 2;
  const length = (points, polygon) => polygon.reduce((sum, i, k) => sum + distance(points[i], points[next(polygon, k)]), 0);

  // Whether two polygons are one, from wherever and in whichever direction
  function same(one, other) {
    const turned = (list, k) => [...list.slice(k), ...list.slice(0, k)].join();
    const start = other.indexOf(one[0]), back = [...other].reverse();
    return one.length === other.length && [turned(other, start), turned(back, back.indexOf(one[0]))].includes(one.join());
  }

  // -------------------------------------------------------------------------------------------------------- build, once
  const initial = () => ({ points: START.map((point) => [...point]), task: "hull", step: 2 });

  function build(live, figure) {
    const view = { figure, grips: [] };
    D2L.prompt(live, PREDICT, PREDICTIONS, THEN);
    const left = html(live, "div", { class: "picture photographed" });
    D2L.legend(left, Object.entries(LEGEND));
    const size = SIDE + 2 * EDGE, root = (view.root = svg(left, "svg", { class: "square", viewBox: `0 0 ${size} ${size}`, "data-prevent-swipe": "" }));
    const scene = (view.scene = svg(root, "g", { role: "img" }));
    svg(scene, "rect", { class: "frame", x: EDGE, y: EDGE, width: SIDE, height: SIDE });
    for (const name of ["exact", "answer", "now"]) view[name] = svg(scene, "path", { class: name });
    view.masses = svg(scene, "g");
    view.handles = svg(root, "g");
    const panel = html(live, "div", { class: "panel" });
    buildChoices(view, html(panel, "div"));
    buildStep(view, html(panel, "div"));
    html(live, "div", { class: "hint" }, hint(figure.weights));
    return view;
  }

  function hint({ accuracy, excess, sets }) {
    return `Two networks, each trained on ${sets.toLocaleString("en")} sets of 3 to 10 points. On new sets of ten points, `
      + `${(100 * accuracy).toFixed(0)}% of the hulls are right, and tours are ${(100 * excess).toFixed(1)}% longer than the shortest. `
      + "Points are numbered from left to right; drag them, or focus one and use the arrow keys.";
  }

  function buildChoices(view, part) {
    const { figure } = view, { state } = figure;
    view.tasks = D2L.tokens(part, "Task", NAMES, (task) => figure.update(Object.assign(figure.state, { task, step: 1 })));
    const line = html(part, "div", { class: "line" });
    const free = () => SPARE.find((spot) => figure.state.points.every((point) => distance(spot, point) > 0.05)) ?? [Math.random(), Math.random()];
    view.more = D2L.button(line, "Add a point", () => figure.update(figure.state.points.push([...free()])));
    view.fewer = D2L.button(line, "Remove one", () => figure.update(figure.state.points.pop()));
    D2L.button(line, "Reset", () => figure.update(Object.assign(state, initial(), { task: figure.state.task })));
    view.verdict = html(part, "p", { class: "verdict", role: "status" });
  }

  function buildStep(view, part) {
    const { figure } = view, id = `${figure.root.id}-step`;
    view.stepName = D2L.titled(part, "Step", id);
    view.step = html(part, "input", { type: "range", id, min: 1, step: 1 });
    view.step.addEventListener("input", () => figure.update((figure.state.step = Number(view.step.value))));
    view.bars = html(part, "div", { class: "bars" });
  }

  const toX = (x) => EDGE + x * SIDE, toY = (y) => EDGE + (1 - y) * SIDE;

  function buildGrip(view, index) {
    const { figure } = view, grip = svg(view.handles, "g", { class: "grip", role: "button", tabindex: 0 });
    for (const [name, r] of [["halo", 17], ["knob", 6]]) svg(grip, "circle", { class: name, r });
    const label = svg(grip, "text", { x: 9, y: -8 });
    const move = ([x, y]) => figure.update((figure.state.points[index] = [x, y].map((value) => Number(clamp(value, 0, 1).toFixed(3)))));
    const follow = (event) => {
      const box = view.root.getBoundingClientRect(), scale = (SIDE + 2 * EDGE) / box.width; // a deck scales the page
      move([((event.clientX - box.left) * scale - EDGE) / SIDE, 1 - ((event.clientY - box.top) * scale - EDGE) / SIDE]);
    };
    D2L.drag(grip, { follow, stop: () => grip.focus({ preventScroll: true }) });
    const by = (dx, dy) => (event) => {
      const [x, y] = figure.state.points[index], step = event.shiftKey ? 0.002 : 0.01;
      move([x + dx * step, y + dy * step]);
    };
    D2L.keys(grip, { ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, 1), ArrowDown: by(0, -1) });
    return { grip, label };
  }

  // ---------------------------------------------------------------------------------------- draw, whenever it changes
  const outline = (points, polygon, closed = true) =>
    (polygon.length > 1 ? D2L.path(polygon.map((k) => [toX(points[k][0]), toY(points[k][1])])) + (closed ? "Z" : "") : "");

  function draw(view, { answer, weights }, state) {
    const points = leftToRight(state.points), exact = (state.task === "hull" ? hull : tour)(points);
    const step = clamp(state.step, 1, weights.length), alpha = weights[step - 1];
    const words = verdict(state, points, answer, exact);
    view.verdict.textContent = words;
    view.exact.setAttribute("d", outline(points, exact));
    view.answer.setAttribute("d", outline(points, answer));
    const passed = [answer[step - 2], answer[step - 1] ?? answer[0]].filter((k) => k !== undefined);
    view.now.setAttribute("d", outline(points, passed, false));
    view.masses.replaceChildren();
    points.forEach(([x, y], k) => svg(view.masses, "circle", { class: "mass", cx: toX(x), cy: toY(y), r: 26 * Math.sqrt(alpha[k + 1]) }));
    drawGrips(view, state, points);
    view.tasks.choose(state.task);
    [view.more.disabled, view.fewer.disabled] = [points.length >= MOST, points.length <= FEWEST];
    drawStep(view, step, alpha, weights.length);
    set(view.scene, { "aria-label": `${points.length} points; ${words}` });
    Object.assign(view.figure.root.dataset, { task: state.task, answer: answer.map((k) => k + 1).join(" "), exact: exact.map((k) => k + 1).join(" "), step });
  }

  function verdict({ task }, points, answer, exact) {
    if (points.some((p, k) => k && distance(p, points[k - 1]) < 1e-9)) return "Two points are the same: there is no right answer.";
    const said = `The network says ${answer.map((k) => k + 1).join(", ")}. `;
    if (task === "tour") return `${said}Its length is ${show(length(points, answer), 3)}, the shortest is ${show(length(points, exact), 3)}.`;
    if (exact.length < 3) return "All points lie on one line: there is no hull.";
    if (same(answer, exact)) return `${said}That is the hull.`;
    const missed = exact.filter((k) => !answer.includes(k)), extra = answer.filter((k) => !exact.includes(k));
    const parts = [missed.length && `misses ${missed.map((k) => k + 1).join(", ")}`, extra.length && `names ${extra.map((k) => k + 1).join(", ")}, no corner`];
    return `${said}It ${parts.filter(Boolean).join(" and ") || "has another order"}; it covers ${show((100 * area(points, answer)) / area(points, exact), 1)}% of the area.`;
  }

  function drawGrips(view, state, points) {
    while (view.grips.length < state.points.length) view.grips.push(buildGrip(view, view.grips.length));
    while (view.grips.length > state.points.length) view.grips.pop().grip.remove();
    view.grips.forEach(({ grip, label }, index) => {
      const [x, y] = state.points[index], number = points.indexOf(state.points[index]) + 1;
      set(grip, { transform: `translate(${toX(x)},${toY(y)})`, "aria-label": `Point ${number}, x ${show(x, 2)}, y ${show(y, 2)}; move it with the arrow keys` });
      label.textContent = number;
    });
  }

  function drawStep(view, step, alpha, steps) {
    set(view.step, { max: steps, "aria-valuetext": `step ${step} of ${steps}` });
    view.step.value = step;
    view.stepName.textContent = `${step} of ${steps}`;
    const order = [...alpha.keys()].sort((a, b) => alpha[b] - alpha[a]).slice(0, 4);
    D2L.bars(view.bars, order.map((j, place) => [j ? `point ${j}` : "end", alpha[j], place ? "" : "first"]));
  }

  D2L.addFigure("pointer_networks", { initial, build, compute, draw, hull, tour });
})();

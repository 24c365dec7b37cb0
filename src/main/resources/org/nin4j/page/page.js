"use strict";
// The page of a training: asks for what has changed once a second and draws it. Nothing is loaded from
// anywhere else; whatever came from a file or a name becomes text, never markup.

const $ = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const COLOURS = 8;
const POLL = 1000, POLL_LOST = 3000, POLL_RUNS = 5000;

function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}
function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.append(...children);
  return element;
}
const title = text => draw("title", {}, text);

// Numbers for people.
const finite = x => typeof x === "number" && isFinite(x);
const count = n => Math.round(n).toLocaleString("en");
const percent = (x, digits = 1) => finite(x) ? (100 * x).toFixed(digits) + " %" : "–";
const fixed = (x, digits = 4) => finite(x) ? x.toFixed(digits) : "–";
const short = x => !finite(x) ? "–" : x === 0 ? "0" : Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3
  ? x.toExponential(1).replace("e+", "e") : String(parseFloat(x.toPrecision(3)));
const speed = x => !finite(x) ? "–" : x < 99.95 ? x.toFixed(1) : count(x);
function duration(seconds) {
  if (!finite(seconds)) return "–";
  const s = Math.round(seconds);
  return s < 60 ? s + " s" : s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s`
    : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}
function si(x, unit) {
  for (const [size, name] of [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (x >= size) return (x / size).toPrecision(3) + " " + name + unit;
  return short(x) + " " + unit;
}

// At most some n numbers with one digit 1, 2 or 5, that cover from least to most.
function ticks(least, most, n, whole = false) {
  const rough = Math.max((most - least) / n, 1e-12);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].find(m => m * power >= rough * 0.999) * power;
  if (whole) step = Math.max(1, Math.round(step));
  const all = [];
  for (let i = Math.ceil(least / step - 1e-9); i * step <= most + step * 1e-9; i++) all.push(i * step + 0); // Never −0.
  return {all, step};
}

// Curves with axes, a legend and the values under the pointer.
// A series: {name, colour, thin, dots, xs, ys}; options: {x, y, whole, wholeX, zero, most, from, to, tip, tipX, empty}.
class Chart {
  constructor(place, options) {
    this.options = options;
    this.legend = make("div", {className: "legend"});
    this.box = make("div", {className: "chart"});
    this.tip = make("div", {className: "tip", hidden: true});
    place.append(this.legend, this.box);
    this.series = [];
    new ResizeObserver(() => { if (this.box.clientWidth !== this.width) this.draw(); }).observe(this.box);
    this.box.addEventListener("pointermove", e => { this.pointer = e.clientX - this.box.getBoundingClientRect().left; this.point(); });
    this.box.addEventListener("pointerleave", () => { this.pointer = undefined; this.point(); });
  }

  show(series, more = {}) {
    this.series = series;
    Object.assign(this.options, more);
    this.draw();
  }

  draw() {
    this.width = this.box.clientWidth;
    if (!this.width) return;
    const options = this.options;
    const shown = this.series.map(s => ({...s, points: s.xs.map((x, i) => [x, s.ys[i]]).filter(p => finite(p[0]) && finite(p[1]))}))
      .filter(s => s.points.length);
    this.legend.replaceChildren(...this.series.map(s =>
      make("span", {}, make("i", {className: `key s${s.colour}${s.thin ? " thin" : ""}`}), s.name)));
    this.shown = shown;
    if (!shown.length) {
      this.geometry = undefined;
      this.box.replaceChildren(make("p", {className: "empty", textContent: options.empty ?? "Nothing to draw yet."}));
      return;
    }
    const xs = shown.flatMap(s => s.points.map(p => p[0])), ys = shown.flatMap(s => s.points.map(p => p[1]));
    const extreme = (f, all) => all.reduce((a, b) => f(a, b));
    const x0 = options.from ?? extreme(Math.min, xs);
    let x1 = Math.max(options.to ?? -Infinity, extreme(Math.max, xs));
    if (x1 <= x0) x1 = x0 + 1;
    let y0 = extreme(Math.min, ys), y1 = extreme(Math.max, ys);
    if (options.zero || y0 > 0 && y0 < 0.25 * y1) y0 = Math.min(0, y0);
    if (y1 - y0 < 1e-9 * Math.max(1, Math.abs(y1))) {
      const room = Math.abs(y1) / 2 || 1;
      y0 = options.zero ? 0 : y1 - room;
      y1 += room;
    }
    const height = 230, top = 20, bottom = 36, right = 10;
    const scaleY = ticks(y0, y1, 5, options.whole);
    const low = Math.min(y0, Math.floor(y0 / scaleY.step + 1e-9) * scaleY.step);
    const high = Math.max(options.most !== undefined ? Math.min(options.most, Math.ceil(y1 / scaleY.step - 1e-9) * scaleY.step) : Math.ceil(y1 / scaleY.step - 1e-9) * scaleY.step, y1);
    const {all: marksY, step} = ticks(low, high, 5, options.whole);
    const format = y => step >= 1 ? count(y) : step > 1e-6 ? y.toFixed(Math.ceil(-Math.log10(step) - 1e-9)) : short(y);
    const left = 12 + 6.9 * Math.max(...marksY.map(t => format(t).length));
    const marksX = ticks(x0, x1, Math.max(2, Math.floor((this.width - left) / 70)), options.wholeX).all;
    const X = x => left + (x - x0) / (x1 - x0) * (this.width - left - right);
    const Y = y => height - bottom - (y - low) / (high - low) * (height - bottom - top);
    const svg = draw("svg", {viewBox: `0 0 ${this.width} ${height}`, height, role: "img",
      "aria-label": `${options.y} by ${options.x}: ${shown.map(s => s.name).join(", ")}`});
    for (const t of marksY) svg.append(
      draw("line", {class: "gridline", x1: left, x2: this.width - right, y1: Y(t), y2: Y(t)}),
      draw("text", {x: left - 6, y: Y(t) + 4, "text-anchor": "end"}, format(t)));
    for (const t of marksX) svg.append(
      draw("line", {class: "axis", x1: X(t), x2: X(t), y1: height - bottom, y2: height - bottom + 4}),
      draw("text", {x: X(t), y: height - bottom + 17, "text-anchor": "middle"}, short(t)));
    svg.append(
      draw("line", {class: "axis", x1: left, x2: this.width - right, y1: height - bottom, y2: height - bottom}),
      draw("text", {x: 0, y: 10}, options.y),
      draw("text", {x: this.width - right, y: height - 3, "text-anchor": "end"}, options.x));
    for (const s of shown) {
      const path = s.points.map((p, i) => `${i ? "L" : "M"}${X(p[0]).toFixed(1)} ${Y(p[1]).toFixed(1)}`).join("");
      svg.append(draw("path", {class: `curve s${s.colour}${s.thin ? " thin" : ""}`, d: path}));
      if (s.dots && s.points.length <= 60 || s.points.length === 1)
        for (const p of s.points) svg.append(draw("circle", {class: `dot s${s.colour}`, cx: X(p[0]), cy: Y(p[1]), r: s.thin ? 2.5 : 3.5}));
    }
    this.cross = draw("line", {class: "cross", y1: top, y2: height - bottom, visibility: "hidden"});
    svg.append(this.cross);
    this.geometry = {X, x0, x1, left, right};
    this.box.replaceChildren(svg, this.tip);
    this.point();
  }

  point() {
    const g = this.geometry;
    if (this.pointer === undefined || !g) {
      this.tip.hidden = true;
      this.cross?.setAttribute("visibility", "hidden");
      return;
    }
    const at = g.x0 + (this.pointer - g.left) / (this.width - g.left - g.right) * (g.x1 - g.x0);
    let nearest;
    for (const s of this.shown) for (const p of s.points)
      if (nearest === undefined || Math.abs(p[0] - at) < Math.abs(nearest - at)) nearest = p[0];
    const reach = (g.x1 - g.x0) / 50;
    const rows = this.shown.map(s => [s, s.points.reduce((a, b) => Math.abs(b[0] - nearest) < Math.abs(a[0] - nearest) ? b : a)])
      .filter(([, p]) => Math.abs(p[0] - nearest) <= reach);
    const format = this.options.tip ?? short;
    this.tip.replaceChildren(make("div", {}, (this.options.tipX ?? (x => `${this.options.x} ${short(x)}`))(nearest)),
      ...rows.map(([s, p]) => make("div", {}, make("i", {className: `key s${s.colour}`}), s.name, make("b", {}, format(p[1])))));
    this.tip.hidden = false;
    const x = g.X(nearest);
    this.cross.setAttribute("x1", x);
    this.cross.setAttribute("x2", x);
    this.cross.setAttribute("visibility", "visible");
    const width = this.tip.offsetWidth;
    this.tip.style.left = Math.max(0, x + 12 + width < this.width ? x + 12 : x - width - 12) + "px";
    this.tip.style.top = "24px";
  }
}

// What is known so far.
const reader = Math.random().toString(36).slice(2);
let state = {}, about = {}, plan = {}, answers = {}, runs = {runs: [], left_out: []};
let seen = {about: 0, plan: 0, answers: 0}, chosen, largestFirst = false, lost = 0;

const epochAt = x => `epoch ${short(x)}` + (about.steps_per_epoch ? `, step ${count(x * about.steps_per_epoch)}` : "");
const byEpoch = {x: "epoch", from: 0, wholeX: true, tipX: epochAt};
const charts = {
  loss: new Chart($("loss"), {...byEpoch, y: "mean loss of an image", tip: fixed}),
  accuracy: new Chart($("accuracy"), {...byEpoch, y: "share of right answers", most: 1, tip: fixed}),
  speed: new Chart($("speed"), {...byEpoch, y: "images/s", zero: true, tip: speed}),
  rate: new Chart($("rate"), {...byEpoch, y: "learning rate", zero: true}),
  dead: new Chart($("dead"), {x: "epoch", y: "channels", zero: true, whole: true, wholeX: true, empty: "Counted after the first epoch."}),
  runsAccuracy: new Chart($("runs-accuracy"), {x: "epoch", y: "share of right answers", most: 1, wholeX: true, tip: fixed, empty: "No run with an epoch is chosen."}),
  runsLoss: new Chart($("runs-loss"), {x: "epoch", y: "mean loss of an image", wholeX: true, tip: fixed, empty: "No run with an epoch is chosen."}),
};

const PHASES = {
  preparing: "preparing", training: "training", evaluation: "testing", paused: "paused",
  ended: "ended", stopped: "stopped", failed: "failed",
};
const over = () => ["ended", "stopped", "failed"].includes(state.phase);

function showPhase() {
  const asked = over() ? "nothing" : state.asked;
  const phase = lost ? "lost" : state.phase ?? "finished";
  $("phase").className = "pill " + phase;
  $("phase").textContent = lost ? "no answer" : asked === "stop" ? "stopping …"
    : asked === "pause" && state.phase !== "paused" ? "pausing …" : PHASES[state.phase] ?? "finished runs";
  const waits = asked === "pause" || state.phase === "paused";
  $("controls").hidden = !state.phase || over();
  $("pause").textContent = waits ? "Resume" : "Pause";
  $("pause").disabled = $("stop").disabled = lost > 0 || asked === "stop" || state.phase === "preparing";
  const told = lost && !over() ? "The program does not answer; what stands here is how it was." : state.message;
  $("message").hidden = !told;
  $("message").className = lost ? "lost" : state.phase ?? "";
  $("message").textContent = told ?? "";
}

function showState() {
  showPhase();
  $("live").hidden = !state.phase;
  if (!state.phase) return;
  const p = state.progress, curve = state.curve, epochs = state.epochs;
  const training = state.phase !== "evaluation";
  $("going").hidden = !p;
  if (p) {
    const share = Math.min(1, (p.epoch - 1 + (training ? p.step / p.steps : 1)) / p.epochs);
    const done = state.phase === "ended" ? 1 : share;
    $("done").style.width = 100 * done + "%";
    $("bar").setAttribute("aria-valuenow", Math.round(100 * done));
    $("where").textContent = `${training ? "epoch" : "testing after epoch"} ${p.epoch} of ${p.epochs}, step ${count(p.step)} of ${count(p.steps)}`
      + (state.left > 0 && !over() ? `; some ${duration(state.left)} left` : "");
    document.title = `${over() ? PHASES[state.phase] : Math.floor(100 * done) + " %"} · ${about.network ?? "NiN4J"}`;
  }
  const per = about.steps_per_epoch || 1;
  const xs = curve.step.map(s => s / per);
  const all = epochs.epoch ?? [];
  const to = Math.max(1, Math.ceil((xs.at(-1) ?? 0) - 1e-9), all.at(-1) ?? 0);
  const from = Math.min(xs.length ? Math.floor(xs[0] - 1e-9) : 0, all.length ? 0 : Infinity);
  const span = {from: isFinite(from) ? Math.max(0, from) : 0, to};
  const series = (name, key) => [
    {name: "training, by step", colour: 0, thin: true, xs, ys: curve[key]},
    {name: "training, by epoch", colour: 0, dots: true, xs: all, ys: epochs["train_" + key] ?? []},
    {name: "test", colour: 1, dots: true, xs: all, ys: epochs["test_" + key] ?? []},
  ];
  charts.loss.show(series("loss", "loss"), span);
  charts.accuracy.show(series("accuracy", "accuracy"), span);
  charts.speed.show([
    {name: "by step", colour: 0, thin: true, xs, ys: curve.images_per_second},
    {name: "by epoch", colour: 0, dots: true, xs: all, ys: epochs.images_per_second ?? []},
  ], span);
  charts.rate.show([{name: "at each step", colour: 2, xs, ys: curve.learning_rate},
    ...(xs.length ? [] : [{name: "at the end of epochs", colour: 2, dots: true, xs: all, ys: epochs.learning_rate ?? []}])], span);
  charts.dead.show([
    {name: "units", colour: 3, dots: true, xs: all, ys: epochs.dead_units ?? []},
    {name: "classes that can never be answered", colour: 1, dots: true, xs: all, ys: epochs.dead_classes ?? []},
  ]);
  showFacts(p, curve, epochs);
  showRuns();
}

function showFacts(p, curve, epochs) {
  const tests = epochs.test_accuracy ?? [];
  const best = tests.length ? tests.indexOf(Math.max(...tests)) : -1;
  const now = curve.images_per_second.at(-1) ?? p?.images_per_second;
  const flops = finite(now) && about.flops_per_image ? now * about.flops_per_image : undefined;
  const facts = [
    ["training loss", fixed(p && state.phase !== "evaluation" ? p.loss : epochs.train_loss?.at(-1)), p ? "of epoch " + p.epoch : ""],
    ["training accuracy", fixed(p && state.phase !== "evaluation" ? p.accuracy : epochs.train_accuracy?.at(-1)), ""],
    ["test accuracy", fixed(tests.at(-1)), best < 0 ? "after the first epoch" : `best ${fixed(tests[best])}, epoch ${epochs.epoch[best]}`],
    ["images/s", speed(now), flops ? si(flops, "FLOP/s") : ""],
    ["of the peak", flops && about.peak ? percent(flops / about.peak) : "–", about.peak ? "of " + si(about.peak, "FLOP/s") : "not known here"],
    ["time", duration(state.elapsed), state.left > 0 && !over() ? "some " + duration(state.left) + " left" : ""],
    ["dead", epochs.dead_units ? count(epochs.dead_units.at(-1)) : "–", epochs.dead_classes ? `units; ${count(epochs.dead_classes.at(-1))} classes` : "units"],
  ];
  $("facts").replaceChildren(...facts.map(([name, value, more]) =>
    make("div", {}, make("dt", {textContent: name}), make("dd", {}, value, make("small", {textContent: more})))));
  $("peak").textContent = about.peak || !about.network ? "" : "The share of the peak is known once “nin profile” has measured this device in this precision.";
}

function showAbout() {
  if (!about.network) return;
  $("title").textContent = `${about.network} on ${about.data}`;
  $("about").textContent = [
    `${count(about.parameters)} parameters`, `${count(about.train_images)} training and ${count(about.test_images)} test images`,
    `batch ${about.recipe.batch}`, `recipe ${about.recipe.name}`, about.recipe.precision, about.device, about.run].join(" · ");
}

const BASES = {
  measured: s => `Share of the time, measured: median of 5 of this training's own steps, ${milliseconds(s)} in all.`,
  floor: () => "Predicted, not measured yet: the least that each step must take by this device's memory and matrix rates. Measured once 21 steps are done.",
  work: () => "Share of the multiply-adds, not of the time, which is measured once 21 steps are done.",
};
const PARTS = ["batch", "forward", "loss", "backward", "update"];

function milliseconds(s) {
  return s >= 1 ? s.toPrecision(3) + " s" : s >= 1e-3 ? (1e3 * s).toPrecision(3) + " ms" : (1e6 * s).toPrecision(3) + " µs";
}

function showPlan() {
  const steps = plan.steps ?? [];
  $("order").hidden = !steps.length;
  if (!steps.length) {
    $("steps").replaceChildren(make("p", {className: "empty", textContent: "The plan is being made."}));
    return;
  }
  $("basis").textContent = BASES[plan.basis](plan.seconds);
  const told = s => `${s.layer}, ${s.kind} (${s.part}): ${percent(s.share)}`
    + (plan.seconds ? `, ${milliseconds(s.share * plan.seconds)}` : "")
    + `; ${short(s.multiply_adds / 1e6)} million multiply-adds, ${short(s.bytes / 1e6)} MB`;
  $("strip").replaceChildren(...steps.filter(s => s.share > 0.0005).map(s => {
    const part = make("i", {className: s.part, title: told(s)});
    part.style.flexGrow = s.share;
    return part;
  }));
  const widest = Math.max(...steps.map(s => s.share)) || 1;
  const rows = largestFirst ? [...steps].sort((a, b) => b.share - a.share) : steps;
  const sums = {};
  for (const s of steps) sums[s.part] = (sums[s.part] ?? 0) + s.share;
  const legend = make("div", {className: "legend"}, ...PARTS.filter(k => k in sums).map(k =>
    make("span", {}, make("i", {className: "key " + k}), `${k} ${percent(sums[k])}`)));
  const cell = (text, className = "") => make("span", {className, textContent: text, title: text});
  const head = make("div", {className: "step head"}, cell("layer"), cell("step"), cell("output"), cell(""), cell("share", "n"));
  $("steps").replaceChildren(legend, head, ...rows.map(s => {
    const bar = make("i", {className: s.part});
    bar.style.width = 100 * s.share / widest + "%";
    const row = make("div", {className: "step", title: told(s)}, cell(s.layer), cell(s.kind.replace(/Forward$/, "")), cell(s.output),
      make("span", {className: "share"}, bar), cell(percent(s.share), "n"));
    for (const c of row.children) c.title = told(s);
    return row;
  }));
}

const pixels = new Map();
async function paint(canvas, image) {
  const [channels, height, width] = about.image;
  canvas.width = width;
  canvas.height = height;
  canvas.classList.toggle("coarse", width < 100);
  if (!pixels.has(image)) {
    const answer = await fetch("image/" + image);
    if (!answer.ok) return;
    if (pixels.size > 100) pixels.clear();
    pixels.set(image, new Uint8Array(await answer.arrayBuffer()));
  }
  const bytes = pixels.get(image), plane = width * height, data = new ImageData(width, height);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) data.data[4 * i + c] = bytes[channels >= 3 ? c * plane + i : i];
    data.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
}

function picture(shown) {
  const truth = about.classes[shown.label], answer = about.classes[shown.answer], right = shown.label === shown.answer;
  const canvas = make("canvas", {role: "img", ariaLabel: "test image " + shown.image});
  paint(canvas, shown.image).catch(() => {});
  const line = (className, text) => make("span", {className, textContent: text, title: text});
  return make("figure", {className: right ? "right" : "wrong", title: `image ${shown.image}: is ${truth}, answered ${answer} (${percent(shown.probability)})`},
    canvas, make("figcaption", {}, line("truth", truth),
      make("div", {className: "answer"}, line("", right ? "✓" : "✗ " + answer), make("b", {textContent: percent(shown.probability, 0)}))));
}

function showAnswers() {
  if (!about.classes) return;
  const empty = text => make("p", {className: "empty", textContent: text});
  if (!answers.confusion) {
    for (const id of ["confusion", "samples", "mistakes"]) $(id).replaceChildren(empty("After the first epoch."));
    return;
  }
  $("examined").textContent = `after epoch ${answers.epoch}; row: true class, column: answer`;
  $("samples").replaceChildren(...answers.samples.map(picture));
  $("mistakes").replaceChildren(...(answers.mistakes.length ? answers.mistakes.map(picture) : [empty("None: every test image is answered right.")]));
  showConfusion();
}

let confusionWidth;
function showConfusion() {
  const place = $("confusion"), width = confusionWidth = place.clientWidth;
  if (!width || !answers.confusion) return;
  const n = about.classes.length;
  const named = n <= 24, cut = text => text.length > 12 ? text.slice(0, 11) + "…" : text;
  const longest = Math.max(...about.classes.map(c => cut(c).length));
  const left = named ? Math.min(width * 0.28, 8 + 6.6 * longest) : 16, above = named ? 12 + 5.2 * longest : 16;
  const side = Math.min((width - left - (named ? 4 + 3.4 * longest : 0)) / n, named ? 44 : 14);
  const height = above + n * side + 2;
  const svg = draw("svg", {viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "confusion matrix"});
  about.classes.forEach((name, i) => {
    if (!named) return;
    svg.append(
      draw("text", {x: left - 5, y: above + (i + 0.5) * side + 4, "text-anchor": "end"}, cut(name), title(name)),
      draw("text", {transform: `translate(${left + (i + 0.5) * side + 3} ${above - 5}) rotate(-52)`}, cut(name), title(name)));
  });
  svg.append(draw("rect", {class: "none", x: left, y: above, width: n * side, height: n * side}));
  answers.confusion.forEach((row, i) => {
    const sum = row.reduce((a, b) => a + b, 0);
    row.forEach((value, j) => {
      if (!value) return;
      const share = value / sum, x = left + j * side, y = above + i * side;
      const told = `${about.classes[i]} answered as ${about.classes[j]}: ${count(value)} of ${count(sum)}, ${percent(share)}`;
      svg.append(draw("rect", {class: i === j ? "right" : "wrong", x: x + 0.5, y: y + 0.5, width: Math.max(0.5, side - 1), height: Math.max(0.5, side - 1),
        "fill-opacity": (0.08 + 0.8 * Math.sqrt(share)).toFixed(3)}, title(told)));
      if (side >= 24 && String(value).length * 6.6 < side - 2) svg.append(draw("text", {class: "ink", x: x + side / 2, y: y + side / 2 + 4, "text-anchor": "middle", "pointer-events": "none"}, String(value)));
    });
  });
  if (!named) svg.append(draw("text", {x: left, y: 10}, `answered: ${n} classes`), draw("text", {transform: `translate(10 ${height - 2}) rotate(-90)`}, "true"));
  place.replaceChildren(svg);
}
new ResizeObserver(() => { if ($("confusion").clientWidth !== confusionWidth) showConfusion(); }).observe($("confusion"));

// Earlier runs, the latest first; the one that goes on is drawn from what is newest.
function allRuns() {
  return runs.runs.map(r => r.name === about.run ? {...r, current: true, epochs: state.epochs ?? r.epochs} : r).reverse();
}

let tableOf = "";
function showRuns() {
  const all = allRuns();
  if (chosen === undefined && all.length) chosen = new Set(all.filter(r => r.epochs.epoch || r.current).slice(0, 4).map(r => r.name));
  const shown = all.filter(r => chosen?.has(r.name));
  const colour = new Map(shown.map((r, i) => [r.name, i % COLOURS]));
  const series = key => shown.map(r => ({name: r.name, colour: colour.get(r.name), dots: true, xs: r.epochs.epoch ?? [], ys: r.epochs[key] ?? []}));
  charts.runsAccuracy.show(series("test_accuracy"));
  charts.runsLoss.show(series("test_loss"));
  $("folder").textContent = [runs.folder, runs.omitted ? `without the ${count(runs.omitted)} earliest` : ""].filter(t => t).join(", ");
  const content = JSON.stringify([all.map(r => [r.name, r.epochs.epoch?.length, r.seconds]), [...colour], runs.left_out]);
  if (content === tableOf) return; // A table that is the same keeps the focus and the place.
  tableOf = content;
  $("left-out").replaceChildren(...runs.left_out.map(text => make("li", {textContent: "left out: " + text})));
  if (!all.length) {
    $("runs").replaceChildren(make("p", {className: "empty", textContent: "There is no run here yet: “nin train” makes the first."}));
    return;
  }
  const columns = [["Run"], ["Network"], ["Data"], ["Recipe"], ["Epochs", 1], ["Accuracy", 1], ["Best (epoch)", 1], ["Images/s", 1], ["Training time", 1]];
  const head = make("tr", {}, ...columns.map(([name, n]) => make("th", {textContent: name, className: n ? "n" : ""})));
  const rows = all.map(r => {
    const tests = r.epochs.test_accuracy ?? [], best = tests.indexOf(Math.max(...tests));
    const box = make("input", {type: "checkbox", checked: chosen.has(r.name)});
    box.addEventListener("change", () => { box.checked ? chosen.add(r.name) : chosen.delete(r.name); showRuns(); });
    const key = make("i", {className: "key s" + (colour.get(r.name) ?? 7)});
    key.style.visibility = colour.has(r.name) ? "visible" : "hidden";
    const seconds = r.current ? (r.epochs.seconds ?? []).reduce((a, b) => a + b, 0) : r.seconds;
    const cell = (text, className = "n") => make("td", {textContent: text, className});
    return make("tr", {className: r.current ? "current" : ""},
      make("td", {className: "name", title: r.name}, make("label", {}, box, key, make("span", {textContent: r.name + (r.current ? " (this one)" : "")}))),
      cell(r.network, "name"), cell(r.data, "name"), cell(r.recipe, ""), cell(`${tests.length}/${r.epochs_planned}`), cell(tests.length ? fixed(tests.at(-1)) : "–"),
      cell(best < 0 ? "–" : `${fixed(tests[best])} (${r.epochs.epoch[best]})`),
      cell(tests.length ? speed(Math.max(...r.epochs.images_per_second)) : "–"), cell(tests.length ? duration(seconds) : "–"));
  });
  const focused = document.activeElement?.closest?.("tr")?.firstChild?.title;
  $("runs").replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  if (focused) [...document.querySelectorAll("#runs td.name")].find(td => td.title === focused)?.querySelector("input")?.focus();
}

async function get(name) {
  const answer = await fetch(name, {cache: "no-store"});
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.status === 204 ? undefined : answer.json();
}

async function poll() {
  try {
    const news = await get(`state?reader=${reader}&after=${state.version ?? -1}`);
    if (news) {
      if (news.about > seen.about) { about = await get("about"); seen.about = about.version; showAbout(); showAnswers(); }
      if (news.plan > seen.plan) { plan = await get("plan"); seen.plan = plan.version; showPlan(); }
      state = news;
      lost = 0;
      showState();
      if (news.answers > seen.answers) { answers = await get("answers"); seen.answers = answers.version; showAnswers(); }
    } else if (lost) {
      lost = 0;
      showPhase();
    }
  } catch (problem) {
    lost++;
    showPhase();
  }
  if (state.phase && !over()) setTimeout(poll, lost ? POLL_LOST : POLL);
  else if (lost && !over()) setTimeout(poll, POLL_LOST);
}

async function pollRuns() {
  try {
    if (!document.hidden) {
      runs = await get("runs");
      if (!state.phase && lost) { lost = 0; showPhase(); }
      showRuns();
    }
  } catch (problem) {
    if (!state.phase) { lost++; showPhase(); }
  }
  if (!over()) setTimeout(pollRuns, POLL_RUNS);
}

async function ask(action) {
  for (const id of ["pause", "stop"]) $(id).disabled = true;
  try {
    const answer = await fetch(action, {method: "POST"});
    if (answer.ok && !over()) state.asked = {pause: "pause", resume: "nothing", stop: "stop"}[action];
  } catch (problem) {
    lost++;
  }
  showPhase();
}
$("pause").addEventListener("click", () => ask(state.phase === "paused" || state.asked === "pause" ? "resume" : "pause"));
$("stop").addEventListener("click", () => ask("stop"));
$("order").addEventListener("click", () => {
  largestFirst = !largestFirst;
  $("order").setAttribute("aria-pressed", largestFirst);
  showPlan();
});

showPlan();
poll().then(pollRuns);

// Edits a face with a zoo model in onnxruntime-web. `prepare.py` writes model.onnx and card.json.
// ?demo draws a fixed edit, runs it and leaves the pixels in the page, for screenshot.py.
import * as ort from "./ort/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("ort/", location.href).href;
ort.env.wasm.numThreads = 1; // more need a server that sends cross-origin isolation headers

const NO_COLOUR = -1; // of the key `color`: black
const NOISE_RATE = 0.159; // share of ones in SC-FEGAN's noise
const HINTS = ["mask", "sketch", "color"];

const byId = (id) => document.getElementById(id);
const card = await (await fetch("card.json")).json();
const size = card.inputs.image.shape[1];
const layers = Object.fromEntries(["image", ...HINTS].map((key) => [key, layer()]));
let tool = "mask";
let changed = {}; // attribute -> -1 take away ... 1 give

function layer() {
  const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
  context.lineCap = context.lineJoin = "round";
  return context;
}

function pixels(key) {
  return layers[key].getImageData(0, 0, size, size).data; // RGBA of every pixel
}

function rgb(key) {
  const source = pixels(key);
  const values = new Float32Array(size * size * 3);
  for (let i = 0; i < size * size; i++)
    for (let c = 0; c < 3; c++) {
      const drawn = key === "image" || source[4 * i + 3] > 127;
      values[3 * i + c] = drawn ? source[4 * i + c] / 127.5 - 1 : NO_COLOUR;
    }
  return values;
}

function drawn(key) {
  const source = pixels(key);
  return Float32Array.from({ length: size * size }, (_, i) => (source[4 * i + 3] > 127 ? 1 : 0));
}

function noise(channels) {
  let state = 1; // a linear congruential generator: the same noise on every device
  return Float32Array.from({ length: size * size * channels }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const uniform = state / 2 ** 32;
    return channels === 1 ? Number(uniform < NOISE_RATE) : 2 * uniform - 1;
  });
}

function attributes(key) {
  // the generator sees the difference: from a face halfway between to one with the change
  const names = card.attribute_names;
  return Float32Array.from(names, (name) =>
    0.5 + (key === "target_attributes" ? 0.5 * (changed[name] ?? 0) : 0),
  );
}

function value(key) {
  if (key === "image" || key === "color") return rgb(key);
  if (key === "mask" || key === "sketch") return drawn(key);
  if (key === "noise") return noise(card.inputs.noise.shape[3]);
  return attributes(key);
}

async function edit() {
  const feeds = {};
  for (const [key, input] of Object.entries(card.inputs))
    feeds[key] = new ort.Tensor("float32", value(key), [1, ...input.shape.slice(1)]);
  const start = performance.now();
  const result = (await session.run(feeds))[card.output.name];
  const took = performance.now() - start;
  const picture = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = (result.data[3 * i + c] + 1) * 127.5 + 0.5;
    picture.data[4 * i + 3] = 255;
  }
  byId("output").getContext("2d").putImageData(picture, 0, 0);
  byId("status").textContent = `edited in ${took.toFixed(0)} ms`;
  return picture;
}

function show() {
  const context = byId("input").getContext("2d");
  context.drawImage(layers.image.canvas, 0, 0);
  if (card.task !== "complete") return;
  context.globalAlpha = 0.6;
  context.drawImage(layers.mask.canvas, 0, 0);
  context.globalAlpha = 1;
  context.drawImage(layers.color.canvas, 0, 0);
  context.drawImage(layers.sketch.canvas, 0, 0);
}

function stroke(key, points, width, paint) {
  const context = layers[key];
  context.strokeStyle = paint;
  context.lineWidth = width;
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}

function load(picture) {
  const side = Math.min(picture.width, picture.height); // the middle square
  const [left, top] = [(picture.width - side) / 2, (picture.height - side) / 2];
  layers.image.drawImage(picture, left, top, side, side, 0, 0, size, size);
  show();
}

function drawing() {
  const canvas = byId("input");
  let last = null;
  const place = (event) => [(event.offsetX * size) / canvas.clientWidth, (event.offsetY * size) / canvas.clientHeight];
  canvas.onpointerdown = (event) => { last = place(event); canvas.setPointerCapture(event.pointerId); };
  canvas.onpointerup = () => { last = null; };
  canvas.onpointermove = (event) => {
    if (!last) return;
    const next = place(event);
    const width = tool === "sketch" ? 1.5 : (byId("width").value * size) / 128;
    stroke(tool, [last, next], width, { mask: "white", sketch: "black", color: byId("paint").value }[tool]);
    last = next;
    show();
  };
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.hidden = !(button.dataset.tool in card.inputs);
    button.onclick = () => {
      tool = button.dataset.tool;
      for (const other of document.querySelectorAll("[data-tool]"))
        other.setAttribute("aria-pressed", other === button);
    };
  }
  byId("clear").onclick = () => { for (const key of HINTS) layers[key].clearRect(0, 0, size, size); show(); };
  byId("tools").hidden = false;
}

function sliders() {
  for (const name of card.attribute_names) {
    const label = document.createElement("label");
    label.textContent = name.replaceAll("_", " ");
    const slider = Object.assign(document.createElement("input"), { type: "range", min: -1.5, max: 1.5, step: 0.1, value: 0 });
    slider.oninput = () => { changed[name] = Number(slider.value); };
    slider.onchange = edit;
    label.append(slider);
    byId("sliders").append(label);
  }
  byId("sliders").hidden = false;
}

async function demo() {
  if (card.task === "complete") {
    const at = (points) => points.map(([x, y]) => [x * size, y * size]);
    stroke("mask", at([[0.36, 0.74], [0.64, 0.74]]), 0.16 * size, "white"); // the mouth
    stroke("color", at([[0.4, 0.74], [0.6, 0.74]]), 0.05 * size, "#b04a50");
    stroke("sketch", at([[0.38, 0.73], [0.5, 0.755], [0.62, 0.73]]), 1.5, "black");
  } else changed = { [card.attribute_names[0]]: 1 };
  show();
  const picture = await edit();
  const fed = Object.fromEntries(Object.keys(card.inputs).map((key) => [key, [...value(key)]]));
  byId("status").dataset.result = JSON.stringify({ fed, pixels: [...picture.data] });
}

for (const id of ["input", "output"]) Object.assign(byId(id), { width: size, height: size });
card.task === "complete" ? drawing() : sliders();
const session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
byId("title").textContent = `${card.model}, ${size} px (${card.licence})`;
byId("run").onclick = edit;
byId("run").disabled = false;
byId("photo").onchange = async (event) => load(await createImageBitmap(event.target.files[0]));
load(await createImageBitmap(await (await fetch("face.png")).blob()));
if (location.search === "?demo") await demo();

// Fill the boxes of class `fill` with as much of their text as they hold, then tell in an element named lines where each line
// of text lies. Lines are those of the elements with data-t, in their order; data-row holds the cells of a row.
// Soft hyphens that are seen are written as hyphens, all others left out. An element of class `cap` is a drop cap, as
// high as several lines: it belongs to the first and does not make it higher.
"use strict";

const context = document.createElement("canvas").getContext("2d");

function overflows(box) {
  return box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1;
}

function fill(box) {
  while (box.lastElementChild && overflows(box)) {
    const last = box.lastElementChild, words = last.textContent.split(" ");
    box.removeChild(last);
    if (overflows(box) || last.tagName !== "P" || last.children.length) continue;
    box.appendChild(last);
    let low = 0, high = words.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      last.textContent = words.slice(0, middle).join(" ");
      if (overflows(box)) high = middle; else low = middle;
    }
    last.textContent = words.slice(0, low).join(" ");
    if (low < 4) box.removeChild(last);
    return;
  }
}

function metrics(parent, text) {
  context.font = getComputedStyle(parent).font;
  return context.measureText(text);
}

function linesOf(block) {
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT), range = document.createRange();
  const lines = [];
  let line = null, node;
  while ((node = walker.nextNode())) {
    const parent = node.parentElement;
    if (parent.closest("[data-t]") !== block) continue;
    const cap = parent.classList.contains("cap");
    for (let i = 0; i < node.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const rects = range.getClientRects(), rect = rects[rects.length - 1], sign = node.data[i];
      if (!rect || (rect.width === 0 && sign.trim() !== "" && sign !== "\u00ad")) continue;
      const blank = sign.trim() === "";
      if (blank && rect.width === 0) continue;
      const fresh = !line || (!line.cap && !blank && sign !== "\u00ad" &&
        (rect.left < line.last.left - 2 || Math.min(rect.bottom, line.last.bottom) - Math.max(rect.top, line.last.top) <
          0.2 * Math.min(rect.height, line.last.height)));
      if (fresh) lines.push((line = { pieces: [], boxes: [], text: "" }));
      line.text += sign;
      if (sign === "\u00ad" && rect.width === 0) continue;
      line.boxes.push(rect);
      if (blank) continue;
      line.cap = cap;
      line.last = rect;
      const piece = line.pieces[line.pieces.length - 1];
      if (cap) continue;
      if (piece && piece.parent === parent) piece.text += sign;
      else line.pieces.push({ parent, text: sign, rect });
    }
  }
  return lines;
}

function told(line, block, row) {
  let top = Infinity, bottom = -Infinity, base = 0;
  for (const piece of line.pieces) {
    const ink = metrics(piece.parent, piece.text.replaceAll("\u00ad", "-"));
    const middle = (piece.rect.top + piece.rect.bottom) / 2;
    const at = middle + (ink.fontBoundingBoxAscent - ink.fontBoundingBoxDescent) / 2;
    top = Math.min(top, at - ink.actualBoundingBoxAscent);
    bottom = Math.max(bottom, at + ink.actualBoundingBoxDescent);
    if (piece === line.pieces[0]) base = at;
  }
  const inked = line.boxes.filter((box) => box.width > 0);
  const text = line.text.replace(/\s+/g, " ").trim().replace(/\u00ad$/, "-").replaceAll("\u00ad", "");
  const left = Math.min(...inked.map((box) => box.left)), right = Math.max(...inked.map((box) => box.right));
  return { text, left, right, top, bottom, base, block, row };
}

document.fonts.ready.then(() => {
  document.querySelectorAll(".fill").forEach(fill);
  const rows = [...document.querySelectorAll("[data-row]")], lines = [];
  [...document.querySelectorAll("[data-t]")].forEach((block, number) => {
    const row = rows.indexOf(block.closest("[data-row]"));
    for (const line of linesOf(block))
      if (line.pieces.length) lines.push(told(line, number, row < 0 ? null : row));
  });
  const out = document.createElement("pre");
  out.id = "lines";
  out.hidden = true;
  out.textContent = JSON.stringify(lines);
  document.body.appendChild(out);
});

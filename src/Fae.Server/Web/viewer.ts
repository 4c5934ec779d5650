// A picture with its heatmap, outline and boxes, at any zoom.

import type { Region, Views } from "./api.js"
import { byId, drawn } from "./dom.js"

/** Red of the heatmap's colour at the pixel threshold, and where it begins to show below it. See HeatmapColours in Fae.Imaging. */
const redAtThreshold = 186
const redBelow = 150

const nearest = 1
const farthest = 16

async function loaded(url: string): Promise<HTMLImageElement> {
  const image = new Image()
  image.src = url
  await image.decode()
  return image
}

/** Changes every pixel of an image as it is drawn on a canvas of its size. */
async function redraw(canvas: HTMLCanvasElement, url: string, change: (data: Uint8ClampedArray, width: number, height: number) => void) {
  const image = await loaded(url)
  canvas.width = image.naturalWidth
  canvas.height = image.naturalHeight
  const context = canvas.getContext("2d", { willReadFrequently: true })
  if (!context) return
  context.drawImage(image, 0, 0)
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height)
  change(pixels.data, canvas.width, canvas.height)
  context.putImageData(pixels, 0, 0)
}

/** Clear where the heatmap is below the threshold. */
function clearBelow(data: Uint8ClampedArray): void {
  for (let i = 0; i < data.length; i += 4) {
    data[i + 3] = Math.max(0, Math.min(255, (255 * (data[i]! - redBelow)) / (redAtThreshold - redBelow)))
  }
}

/** The border of a mask: what is in it and has a neighbour that is not. */
function outlineOnly(data: Uint8ClampedArray, width: number, height: number): void {
  const inside = new Uint8Array(width * height)
  for (let i = 0; i < inside.length; i++) inside[i] = data[4 * i]! > 127 ? 1 : 0
  const at = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && inside[y * width + x] === 1
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const edge = at(x, y) && !(at(x - 1, y) && at(x + 1, y) && at(x, y - 1) && at(x, y + 1))
      data.set([255, 214, 10, edge ? 255 : 0], 4 * (y * width + x))
    }
}

/** The stage of the inspect page. */
export class Viewer {
  private readonly frame = byId("frame")
  private readonly stage = byId("stage")
  private readonly base = byId<HTMLImageElement>("base")
  private readonly heat = byId<HTMLCanvasElement>("heat")
  private readonly outline = byId<HTMLCanvasElement>("outline")
  private readonly boxes = byId<SVGElement>("boxes")
  private views: Views | undefined
  private zoom = nearest
  private x = 0
  private y = 0

  constructor() {
    byId("zoomin").addEventListener("click", () => this.zoomTo(this.zoom * 1.5))
    byId("zoomout").addEventListener("click", () => this.zoomTo(this.zoom / 1.5))
    byId("zoomfit").addEventListener("click", () => this.zoomTo(nearest))
    this.frame.addEventListener("wheel", event => this.wheeled(event), { passive: false })
    this.frame.addEventListener("pointerdown", event => this.dragged(event))
    this.frame.addEventListener("keydown", event => this.pressed(event))
  }

  /** Shows another inspection, whole. */
  async show(views: Views, base: keyof Views, width: number, height: number, regions: Region[]): Promise<void> {
    this.views = views
    this.setBase(base)
    this.zoomTo(nearest)
    this.boxes.setAttribute("viewBox", `0 0 ${width} ${height}`)
    this.boxes.replaceChildren(
      ...regions.map(({ box: [x, y, w, h] }) => drawn("rect", { x, y, width: w, height: h, "stroke-width": Math.max(1, width / 250) })),
    )
    await Promise.all([redraw(this.heat, views.heatmap, clearBelow), redraw(this.outline, views.mask, outlineOnly)])
  }

  setBase(which: keyof Views): void {
    if (this.views) this.base.src = this.views[which]
  }

  setOpacity(share: number): void {
    this.heat.style.opacity = String(share)
  }

  showMarks(shown: boolean): void {
    this.outline.toggleAttribute("hidden", !shown)
    this.boxes.toggleAttribute("hidden", !shown)
  }

  private zoomTo(zoom: number, atX = this.frame.clientWidth / 2, atY = this.frame.clientHeight / 2): void {
    const next = Math.max(nearest, Math.min(farthest, zoom))
    // The place under the pointer stays there.
    this.x = atX - ((atX - this.x) * next) / this.zoom
    this.y = atY - ((atY - this.y) * next) / this.zoom
    this.zoom = next
    this.place()
  }

  private place(): void {
    const room = (length: number) => length * (1 - this.zoom)
    this.x = Math.min(0, Math.max(room(this.frame.clientWidth), this.x))
    this.y = Math.min(0, Math.max(room(this.frame.clientHeight), this.y))
    this.stage.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`
    this.frame.classList.toggle("zoomed", this.zoom > nearest)
    byId("zoomed").textContent = `${Math.round(100 * this.zoom)}%`
  }

  private wheeled(event: WheelEvent): void {
    // Without Ctrl the page scrolls, as everywhere.
    if (!event.ctrlKey) return
    event.preventDefault()
    const frame = this.frame.getBoundingClientRect()
    this.zoomTo(this.zoom * Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top)
  }

  private dragged(start: PointerEvent): void {
    if (this.zoom === nearest) return
    start.preventDefault()
    this.frame.focus()
    this.frame.setPointerCapture(start.pointerId)
    const from = { x: this.x - start.clientX, y: this.y - start.clientY }
    const move = (event: PointerEvent) => {
      this.x = from.x + event.clientX
      this.y = from.y + event.clientY
      this.place()
    }
    this.frame.addEventListener("pointermove", move)
    this.frame.addEventListener("pointerup", () => this.frame.removeEventListener("pointermove", move), { once: true })
  }

  private pressed(event: KeyboardEvent): void {
    const step = 60
    switch (event.key) {
      case "+":
        return this.zoomTo(this.zoom * 1.5)
      case "-":
        return this.zoomTo(this.zoom / 1.5)
      case "0":
        return this.zoomTo(nearest)
      case "ArrowLeft":
        this.x += step
        break
      case "ArrowRight":
        this.x -= step
        break
      case "ArrowUp":
        this.y += step
        break
      case "ArrowDown":
        this.y -= step
        break
      default:
        return
    }
    if (this.zoom > nearest) event.preventDefault()
    this.place()
  }
}

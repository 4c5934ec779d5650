// A mask painted over a picture: white where something is, by brush, rectangle or keyboard.

import { postForm } from "./api.js"
import { byId, messageOf, say } from "./dom.js"

const paintColour = [255, 59, 48] as const
const colour = `rgb(${paintColour.join(" ")})`

interface Place {
  x: number
  y: number
}

export class Painter {
  private readonly dialog = byId<HTMLDialogElement>("painter")
  private readonly frame = byId("canvasframe")
  private readonly picture = byId<HTMLImageElement>("under")
  private readonly canvas = byId<HTMLCanvasElement>("paint")
  private readonly brush = byId<HTMLInputElement>("brush")
  private readonly cursor = byId("cursor")
  private context!: CanvasRenderingContext2D
  private target = ""
  private kept: () => void = () => undefined
  private isErasing = false
  private isRectangle = false
  private at: Place = { x: 0, y: 0 }

  constructor() {
    this.frame.addEventListener("pointerdown", event => this.pressed(event))
    this.frame.addEventListener("keydown", event => this.key(event))
    byId("erase").addEventListener("click", () => this.toggle("erase"))
    byId("rectangle").addEventListener("click", () => this.toggle("rectangle"))
    byId("clear").addEventListener("click", () => this.context.clearRect(0, 0, this.canvas.width, this.canvas.height))
    byId("invert").addEventListener("click", () => this.invert())
    byId("cancel").addEventListener("click", () => this.dialog.close())
    byId("keep").addEventListener("click", () => void this.keep())
  }

  /** Paints over the picture; what is kept is sent to `target`. `mask` is what was painted before. */
  async open(title: string, picture: string, mask: string | undefined, target: string, kept: () => void): Promise<void> {
    this.target = target
    this.kept = kept
    byId("h-paint").textContent = title
    say(byId("paintsaid"), "")
    this.picture.src = picture
    await this.picture.decode()
    this.canvas.width = this.picture.naturalWidth
    this.canvas.height = this.picture.naturalHeight
    const context = this.canvas.getContext("2d", { willReadFrequently: true })
    if (!context) throw new Error("this browser cannot draw")
    this.context = context
    this.at = { x: this.canvas.width / 2, y: this.canvas.height / 2 }
    if (mask) await this.paintOld(mask)
    this.dialog.showModal()
    this.frame.focus()
    this.showCursor()
  }

  private async paintOld(mask: string): Promise<void> {
    const old = new Image()
    old.src = mask
    await old.decode()
    this.context.drawImage(old, 0, 0, this.canvas.width, this.canvas.height)
    const pixels = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height)
    for (let i = 0; i < pixels.data.length; i += 4) {
      const isMarked = pixels.data[i]! > 127
      pixels.data.set([...paintColour, isMarked ? 255 : 0], i)
    }
    this.context.putImageData(pixels, 0, 0)
  }

  /** What is painted and what is not change places: the way to a region of interest. */
  private invert(): void {
    const pixels = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height)
    for (let i = 0; i < pixels.data.length; i += 4) pixels.data.set([...paintColour, pixels.data[i + 3]! > 127 ? 0 : 255], i)
    this.context.putImageData(pixels, 0, 0)
  }

  private toggle(which: "erase" | "rectangle"): void {
    if (which === "erase") this.isErasing = !this.isErasing
    else this.isRectangle = !this.isRectangle
    byId(which).setAttribute("aria-pressed", String(which === "erase" ? this.isErasing : this.isRectangle))
  }

  /** The brush's radius: up to a tenth of the picture's side. */
  private radius(): number {
    return Math.max(1, (Number(this.brush.value) / 1000) * Math.max(this.canvas.width, this.canvas.height))
  }

  private placeOf(event: PointerEvent): Place {
    const box = this.canvas.getBoundingClientRect()
    return {
      x: ((event.clientX - box.left) * this.canvas.width) / box.width,
      y: ((event.clientY - box.top) * this.canvas.height) / box.height,
    }
  }

  private begin(): void {
    this.context.globalCompositeOperation = this.isErasing ? "destination-out" : "source-over"
    this.context.fillStyle = colour
    this.context.strokeStyle = colour
    this.context.lineCap = "round"
    this.context.lineWidth = 2 * this.radius()
  }

  private stroke(from: Place, to: Place): void {
    this.begin()
    this.context.beginPath()
    this.context.moveTo(from.x, from.y)
    // A line of no length draws nothing in some browsers.
    this.context.lineTo(to.x + 0.01, to.y)
    this.context.stroke()
  }

  private pressed(start: PointerEvent): void {
    start.preventDefault()
    this.frame.focus()
    this.frame.setPointerCapture(start.pointerId)
    const from = this.placeOf(start)
    let last = from
    if (!this.isRectangle) this.stroke(from, from)
    const move = (event: PointerEvent) => {
      const to = this.placeOf(event)
      if (!this.isRectangle) this.stroke(last, to)
      last = to
      this.at = to
      this.showCursor()
    }
    const up = () => {
      this.frame.removeEventListener("pointermove", move)
      if (!this.isRectangle) return
      this.begin()
      this.context.fillRect(from.x, from.y, last.x - from.x, last.y - from.y)
    }
    this.frame.addEventListener("pointermove", move)
    this.frame.addEventListener("pointerup", up, { once: true })
  }

  private key(event: KeyboardEvent): void {
    const step = this.radius()
    const moves: Record<string, Place> = {
      ArrowLeft: { x: -step, y: 0 },
      ArrowRight: { x: step, y: 0 },
      ArrowUp: { x: 0, y: -step },
      ArrowDown: { x: 0, y: step },
    }
    const move = moves[event.key]
    if (move) {
      this.at = {
        x: Math.min(this.canvas.width, Math.max(0, this.at.x + move.x)),
        y: Math.min(this.canvas.height, Math.max(0, this.at.y + move.y)),
      }
    } else if (event.key === " ") this.stroke(this.at, this.at)
    else if (event.key === "+") this.brush.value = String(Number(this.brush.value) + 5)
    else if (event.key === "-") this.brush.value = String(Number(this.brush.value) - 5)
    else return
    event.preventDefault()
    this.showCursor()
  }

  private showCursor(): void {
    const scale = this.canvas.clientWidth / this.canvas.width
    const size = 2 * this.radius() * scale
    this.cursor.hidden = false
    this.cursor.style.width = this.cursor.style.height = `${size}px`
    this.cursor.style.left = `${this.at.x * scale - size / 2}px`
    this.cursor.style.top = `${this.at.y * scale - size / 2}px`
  }

  /** White on black, as mask files are. */
  private async mask(): Promise<Blob> {
    const made = document.createElement("canvas")
    made.width = this.canvas.width
    made.height = this.canvas.height
    const context = made.getContext("2d")
    if (!context) throw new Error("this browser cannot draw")
    const pixels = this.context.getImageData(0, 0, made.width, made.height)
    for (let i = 0; i < pixels.data.length; i += 4) {
      const value = pixels.data[i + 3]! > 127 ? 255 : 0
      pixels.data.set([value, value, value, 255], i)
    }
    context.putImageData(pixels, 0, 0)
    return new Promise((resolve, reject) => made.toBlob(blob => (blob ? resolve(blob) : reject(new Error("no picture was made")))))
  }

  private async keep(): Promise<void> {
    try {
      await postForm(this.target, [new File([await this.mask()], "mask.png")])
      this.dialog.close()
      this.kept()
    } catch (e) {
      say(byId("paintsaid"), messageOf(e), true)
    }
  }
}

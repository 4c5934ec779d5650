// A camera of this browser as the source of pictures.

/** Milliseconds between two pictures, at least: the next one is taken when the last has its verdict. */
const pause = 500
const quality = 0.95

/** The camera's picture of now as a file named after the time. */
async function frame(video: HTMLVideoElement): Promise<File> {
  const canvas = document.createElement("canvas")
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  canvas.getContext("2d")?.drawImage(video, 0, 0)
  const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, "image/jpeg", quality))
  if (!blob) throw new Error("the camera gives no picture")
  const time = new Date().toISOString().replace(/[:.]/g, "-")
  return new File([blob], `camera ${time}.jpg`, { type: "image/jpeg" })
}

export class Camera {
  private stream: MediaStream | undefined

  constructor(private readonly video: HTMLVideoElement) {}

  get isOn(): boolean {
    return this.stream !== undefined
  }

  /** Hands pictures over, one after the other, until it is stopped. */
  async start(inspect: (file: File) => Promise<void>): Promise<void> {
    if (!navigator.mediaDevices) {
      // A browser hides cameras from pages that came over a network without TLS.
      throw new Error("this browser gives no camera to a page without TLS; start the server with --certificate, or use localhost")
    }
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } })
    this.video.srcObject = this.stream
    this.video.hidden = false
    await this.video.play()
    while (this.isOn) {
      await inspect(await frame(this.video))
      await new Promise(next => setTimeout(next, pause))
    }
  }

  stop(): void {
    this.stream?.getTracks().forEach(track => track.stop())
    this.stream = undefined
    this.video.srcObject = null
    this.video.hidden = true
  }
}

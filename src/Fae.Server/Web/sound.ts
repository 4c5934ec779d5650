// A short chime, made here: no sound file.

let audio: AudioContext | undefined

/** Two falling tones of a quarter of a second. */
export function chime(): void {
  audio ??= new AudioContext()
  const start = audio.currentTime
  for (const [i, hertz] of [880, 660].entries()) {
    const tone = audio.createOscillator()
    const volume = audio.createGain()
    const from = start + 0.25 * i
    tone.frequency.value = hertz
    volume.gain.setValueAtTime(0.2, from)
    volume.gain.exponentialRampToValueAtTime(0.001, from + 0.25)
    tone.connect(volume).connect(audio.destination)
    tone.start(from)
    tone.stop(from + 0.25)
  }
}

/** Frames [T, H, W, 4] as pictures in the format PAM, one after another, as ffmpeg writes them. */
export function pamOf(frames: Uint8Array, { width, height }: { width: number; height: number }): Uint8Array {
  const head = Buffer.from(`P7\nWIDTH ${width}\nHEIGHT ${height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n`)
  const each = 4 * width * height
  const pictures = Array.from({ length: frames.length / each }, (_, t) => [
    head,
    frames.subarray(t * each, (t + 1) * each),
  ])
  return Buffer.concat(pictures.flat())
}

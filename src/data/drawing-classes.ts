import { TubeletError } from '../errors.ts'
import type { Drawing } from './caption-batch.ts'

/** A drawing and the number of its class. */
export interface ClassedDrawing {
  readonly drawing: Drawing
  readonly label: number
}

/** Drawings as a question of classes, with answers that training does not show. */
export interface DrawingClasses {
  readonly names: readonly string[] // of the classes
  readonly heldOutBy: 'style' | 'concept'
  readonly train: readonly ClassedDrawing[]
  readonly heldOut: readonly ClassedDrawing[]
}

/**
 * Classes of drawings. In several styles the class is the concept, and the last style is held out: is a drawing known in
 * a hand never seen? In one style it is the group, such as animals-nature, and the held-out concepts are: of which kind
 * is a thing never seen? Drawings of a class that training does not show are left out.
 */
export function drawingClasses(drawings: readonly Drawing[]): DrawingClasses {
  const styles = [...new Set(drawings.map(({ meta }) => meta.style))]
  const heldOutBy = styles.length > 1 ? 'style' : 'concept'
  const byStyle = heldOutBy === 'style'
  const isHeldOut = ({ meta }: Drawing) => (byStyle ? meta.style === styles.at(-1) : meta.split === 'held-out')
  const keyOf = ({ meta }: Drawing) => (byStyle ? meta.codePoint : meta.group)
  const known = drawings.filter((one) => !isHeldOut(one) && keyOf(one) !== undefined)
  const keys = [...new Set(known.map(keyOf))].sort()
  const numbers = new Map(keys.map((key, i) => [key, i]))
  const classed = (some: readonly Drawing[]) =>
    some.flatMap((drawing): ClassedDrawing[] => {
      const label = numbers.get(keyOf(drawing))
      return label === undefined ? [] : [{ drawing, label }]
    })
  const [train, heldOut] = [classed(known), classed(drawings.filter(isHeldOut))]
  if (keys.length < 2 || heldOut.length === 0)
    throw new TubeletError(
      'input',
      `the drawings have ${keys.length} classes, and ${heldOut.length} of them are held out; give several styles, or one with groups`,
    )
  const names = keys.map((key, label) =>
    byStyle ? train.find((one) => one.label === label)!.drawing.meta.en.label : key!,
  )
  return { names, heldOutBy, train, heldOut }
}

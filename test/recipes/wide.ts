import { tinyRecipe } from './tiny.ts'

/** Some MB of weights. */
export default tinyRecipe('wide', () => ({}), { hidden: 50_000 })

/** Weights of the video autoencoder that Muon changes: the matrices of its blocks and the convolutions between features. */
export const videoVaeMuon = (name: string, shape: readonly number[]): boolean =>
  (shape.length === 2 && /blocks\./.test(name)) || /fine\..*weight$|up\.weight$/.test(name)

/** What is made of each drawing for its latents; recipes that share this take each other's from where they are kept. */
export const copies = { clip: 3, still: 8 } // changed, of each drawing; stills teach what colours and sizes mean for less
export const hold = 5 // frames of a still, for latents of a first frame and of one that follows
export const ways = { promptsEach: 32, promptsOfCopy: 6 } // to ask for a drawing as it is, and for a changed copy

/** Where the autoencoder that `emoji-kl-f4` trains is looked for. */
export const klF4 = 'models/emoji-kl-f4'

/** Reports at every tenth part. */
export const everyTenth = (report: (text: string) => void, what: string) => (done: number, count: number) => {
  if (done % Math.ceil(count / 10) === 0 || done === count) report(`${done} of ${count} ${what}`)
}

/**
 * The process of Stable Diffusion, and its sampler in few steps. The network says v, as that of Stable Diffusion 2 does
 * (Salimans & Ho 2022): after as many steps its pictures have fewer blots than with ε.
 */
export const scheduler = {
  _class_name: 'DDIMScheduler',
  ...{ num_train_timesteps: 1000, beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012 },
  ...{ clip_sample: false, set_alpha_to_one: false, prediction_type: 'v_prediction', timestep_spacing: 'trailing' },
}

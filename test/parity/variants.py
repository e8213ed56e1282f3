"""Makes more parity cases of the supported classes: other sizes, depths and options than the stored ones.

    python test/parity/variants.py OUT [--seed 0] [--only NAME ...]
    for case in OUT/*; do npx tubelet verify $case; done

They need the packages that `make.py` names. Those below 400 kB are stored in `test/cases`, from seed 0.
"""
import argparse
import json
import pathlib

import diffusers as df
import torch
import transformers as tf
from safetensors.torch import save_file

from make import noise, put, randomise, tokens

VARIANTS = {}


def variant(fn):
    VARIANTS[fn.__name__] = fn
    return fn


# ---- CLIP -------------------------------------------------------------------------------------------------------
def clip(out, s, text, vision, projection, eos, length=12, masked=False):
    m = randomise(tf.CLIPModel(tf.CLIPConfig(text_config=text, vision_config=vision, projection_dim=projection)), s)
    end_id = text["vocab_size"] - 1 if eos == 2 else eos
    ids = tokens(s + 1, 50, 3, length)
    for row, end in enumerate((4, 7, length - 1)):
        ids[row, end] = end_id
        ids[row, end + 1:] = end_id if row == 0 else 0  # some tokenizers fill up with the end-of-text token
    inputs = dict(input_ids=ids, pixel_values=noise(s + 2, 2, vision.get("num_channels", 3), vision["image_size"], vision["image_size"]))
    if masked:
        mask = torch.ones(3, length, dtype=torch.long)
        mask[0, 5:] = 0
        mask[1, 8:] = 0
        inputs["attention_mask"] = mask
    r = m(**inputs)
    put(out, m, inputs, dict(text_embeds=r.text_embeds, image_embeds=r.image_embeds, logits_per_image=r.logits_per_image,
                             logits_per_text=r.logits_per_text))


@variant
def clip_odd_size(out, s):
    clip(out, s, dict(vocab_size=70, hidden_size=24, intermediate_size=40, num_hidden_layers=1, num_attention_heads=3,
                      max_position_embeddings=20, hidden_act="gelu_new", eos_token_id=60, layer_norm_eps=1e-3),
         dict(hidden_size=20, intermediate_size=30, num_hidden_layers=2, num_attention_heads=5, image_size=23, patch_size=5,
              hidden_act="relu", num_channels=4), 12, 60)


@variant
def clip_masked(out, s):
    clip(out, s, dict(vocab_size=70, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
                      max_position_embeddings=12, eos_token_id=2),
         dict(hidden_size=20, intermediate_size=30, num_hidden_layers=1, num_attention_heads=1, image_size=16, patch_size=8,
              hidden_act="silu"), 12, 2, masked=True)


# ---- classifiers ------------------------------------------------------------------------------------------------
def classifier(out, s, model, *shape):
    m, x = randomise(model, s), noise(s + 1, *shape)
    put(out, m, dict(pixel_values=x), dict(logits=m(pixel_values=x).logits))


@variant
def vit_rectangle(out, s):
    classifier(out, s, tf.ViTForImageClassification(tf.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=50, image_size=[24, 40], patch_size=[8, 4],
        num_labels=2, qkv_bias=False, hidden_act="gelu_pytorch_tanh", num_channels=1, layer_norm_eps=1e-6)), 3, 1, 24, 40)


@variant
def vit_rest_of_patch(out, s):
    classifier(out, s, tf.ViTForImageClassification(tf.ViTConfig(
        hidden_size=24, num_hidden_layers=1, num_attention_heads=1, intermediate_size=50, image_size=30, patch_size=8,
        num_labels=11, hidden_act="mish")), 1, 3, 30, 30)


@variant
def vivit_rectangle(out, s):
    classifier(out, s, tf.VivitForVideoClassification(tf.VivitConfig(
        image_size=[16, 24], num_frames=7, tubelet_size=[3, 8, 4], hidden_size=24, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=30, num_labels=3, qkv_bias=False, hidden_act="gelu", num_channels=4)), 2, 7, 4, 16, 24)


@variant
def resnet_first_stage(out, s):
    classifier(out, s, tf.ResNetForImageClassification(tf.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12], depths=[1, 2], layer_type="basic", num_labels=4, downsample_in_first_stage=True,
        hidden_act="silu")), 2, 3, 50, 37)


@variant
def resnet_stride_in_bottleneck(out, s):
    classifier(out, s, tf.ResNetForImageClassification(tf.ResNetConfig(
        embedding_size=12, hidden_sizes=[16, 24, 40], depths=[2, 1, 1], layer_type="bottleneck", num_labels=2,
        downsample_in_bottleneck=True, num_channels=1, hidden_act="gelu")), 1, 1, 33, 64)


@variant
def vgg_overlapping_pool(out, s):
    from torch import nn
    from torchvision.models import vgg as tv
    layers = ["M", 6, 8, "M", 10, "M", "M"]
    m = tv.VGG(tv.make_layers(layers), num_classes=3)
    m.avgpool = nn.AdaptiveAvgPool2d((3, 3))
    m.classifier = nn.Sequential(nn.Linear(90, 7), nn.ReLU(), nn.Dropout(), nn.Linear(7, 7), nn.ReLU(), nn.Dropout(), nn.Linear(7, 3))
    m, x = randomise(m, s), noise(s + 1, 2, 3, 83, 70)
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in m.state_dict().items()}, out / "model.safetensors")
    (out / "config.json").write_text(json.dumps(dict(model_type="vgg", layers=layers, pool=3, hidden_size=7, num_labels=3)))
    put(out, None, dict(pixel_values=x), dict(logits=m(x)))


# ---- autoencoder of latent diffusion ----------------------------------------------------------------------------
def kl(out, s, size, **config):
    m = randomise(df.AutoencoderKL(**config), s)
    x = noise(s + 1, 1, config.get("in_channels", 3), *size)
    q = m.encode(x).latent_dist
    z = noise(s + 2, *q.mean.shape)
    put(out, m, dict(sample=x, latent=z), dict(mean=q.mean, logvar=q.logvar, decoded=m.decode(z).sample))


@variant
def kl_attention(out, s):
    kl(out, s, (18, 22), in_channels=4, out_channels=5, down_block_types=["AttnDownEncoderBlock2D", "DownEncoderBlock2D"],
       up_block_types=["UpDecoderBlock2D", "AttnUpDecoderBlock2D"], block_out_channels=[8, 12], layers_per_block=1, latent_channels=3,
       norm_num_groups=4, use_quant_conv=False, act_fn="relu")


@variant
def kl_default(out, s): kl(out, s, (8, 8), norm_num_groups=16)


@variant
def kl_plain_middle(out, s):
    kl(out, s, (16, 16), down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
       block_out_channels=[4, 8, 8, 12], layers_per_block=3, norm_num_groups=2, mid_block_add_attention=False,
       use_post_quant_conv=False, act_fn="mish")


# ---- U-Net of DDPM ----------------------------------------------------------------------------------------------
SMALL = dict(block_out_channels=[8, 16], norm_num_groups=4, attention_head_dim=8, layers_per_block=1)
ATTENTION_FIRST = dict(down_block_types=["AttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "AttnUpBlock2D"])
PLAIN = dict(down_block_types=["DownBlock2D"] * 2, up_block_types=["UpBlock2D"] * 2)


def unet(out, s, size=(16, 16), t=(7, 912), labels=None, **config):
    m = randomise(df.UNet2DModel(**config), s)
    x, t = noise(s + 1, 2, config.get("in_channels", 3), *size), torch.tensor(t)
    inputs = dict(sample=x, timestep=t) | ({} if labels is None else dict(class_labels=labels))
    put(out, m, inputs, dict(sample=m(**inputs).sample))


@variant
def unet_default_types(out, s): unet(out, s, block_out_channels=[8, 8, 16, 16], norm_num_groups=4)


@variant
def unet_cifar(out, s):
    unet(out, s, (16, 8), block_out_channels=[8, 16], norm_num_groups=4, attention_head_dim=None, down_block_types=["DownBlock2D", "AttnDownBlock2D"],
         up_block_types=["AttnUpBlock2D", "UpBlock2D"], downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6)


@variant
def unet_modulated(out, s):
    unet(out, s, **SMALL, down_block_types=["ResnetDownsampleBlock2D", "AttnDownBlock2D"], up_block_types=["AttnUpBlock2D", "ResnetUpsampleBlock2D"],
         resnet_time_scale_shift="scale_shift", downsample_type="resnet", upsample_type="resnet", num_class_embeds=6,
         labels=torch.tensor([5, 0]), center_input_sample=True)


@variant
def unet_attention_groups(out, s):
    unet(out, s, **SMALL, **ATTENTION_FIRST, resnet_time_scale_shift="scale_shift", downsample_type="resnet", upsample_type="resnet",
         attn_norm_num_groups=2, mid_block_scale_factor=1.7, act_fn="gelu", in_channels=1, out_channels=2, time_embedding_dim=20)


@variant
def unet_fourier(out, s):
    unet(out, s, t=(0.3, 4.5), **SMALL, **ATTENTION_FIRST, time_embedding_type="fourier", add_attention=False)


@variant
def unet_learned(out, s):
    unet(out, s, **SMALL, **PLAIN, time_embedding_type="learned", num_train_timesteps=1000, class_embed_type="identity",
         labels=noise(s + 9, 2, 32), mid_block_type=None)


@variant
def unet_time_label(out, s): unet(out, s, **SMALL, **PLAIN, class_embed_type="timestep", labels=torch.tensor([3, 77]))
@variant
def unet_uneven_heads(out, s): unet(out, s, block_out_channels=[12, 20], norm_num_groups=4, attention_head_dim=8, **ATTENTION_FIRST)
@variant
def unet_odd_time(out, s): unet(out, s, block_out_channels=[9, 12], norm_num_groups=3, attention_head_dim=3, **ATTENTION_FIRST)


# ---- DiT --------------------------------------------------------------------------------------------------------
def dit(out, s, size=8, **config):
    config = dict(num_attention_heads=2, attention_head_dim=8, num_layers=2, norm_num_groups=4, sample_size=8) | config
    m = randomise(df.DiTTransformer2DModel(**config), s)
    x, t = noise(s + 1, 2, config.get("in_channels", 4), size, size), torch.tensor([999, 1])
    y = torch.tensor([config.get("num_embeds_ada_norm", 1000), 2])
    put(out, m, dict(hidden_states=x, timestep=t, class_labels=y), dict(sample=m(x, timestep=t, class_labels=y).sample))


@variant
def dit_default(out, s): dit(out, s)
@variant
def dit_larger(out, s):
    dit(out, s, 12, patch_size=4, attention_bias=False, norm_elementwise_affine=True, activation_fn="geglu", in_channels=3, num_embeds_ada_norm=5)
@variant
def dit_smaller(out, s): dit(out, s, 4, patch_size=1, activation_fn="gelu", out_channels=9)
@variant
def dit_silu(out, s): dit(out, s, activation_fn="linear-silu", norm_eps=1e-2)
@variant
def dit_swiglu(out, s): dit(out, s, activation_fn="swiglu")
@variant
def dit_quick_gelu(out, s): dit(out, s, activation_fn="geglu-approximate")


# ---- Wan --------------------------------------------------------------------------------------------------------
def wan(out, s, shape, length=5, t=(500, 3), **config):
    config = dict(num_attention_heads=3, attention_head_dim=16, in_channels=4, out_channels=6, text_dim=10, freq_dim=16, ffn_dim=40, num_layers=3) | config
    m = randomise(df.WanTransformer3DModel(**config), s)
    x, t, c = noise(s + 1, 2, *shape), torch.tensor(t), noise(s + 2, 2, length, config["text_dim"])
    put(out, m, dict(hidden_states=x, timestep=t, encoder_hidden_states=c), dict(sample=m(x, t, c).sample))


@variant
def wan_patches(out, s): wan(out, s, (4, 4, 9, 8), patch_size=[2, 3, 2], cross_attn_norm=False, eps=1e-3)
@variant
def wan_still(out, s): wan(out, s, (4, 1, 4, 6), 1, (0.5, 999.25), out_channels=None, attention_head_dim=10, qk_norm=None)
@variant
def wan_frames(out, s): wan(out, s, (4, 17, 2, 2), 77, attention_head_dim=14, freq_dim=256, rope_max_seq_len=17)
@variant
def wan_time_of_tokens(out, s): wan(out, s, (4, 2, 4, 4), 4, [list(range(1, 9)), list(range(900, 100, -100))])


def wan_vae(out, s, frames, size=(16, 24), batch=1, **config):
    config = dict(base_dim=8, z_dim=3, latents_mean=[0.0] * 3, latents_std=[1.0] * 3) | config
    m = randomise(df.AutoencoderKLWan(**config), s)
    x = noise(s + 1, batch, config.get("in_channels", 3) // (config.get("patch_size") or 1) ** 2, frames, *size)
    q = m.encode(x).latent_dist
    z = noise(s + 2, *q.mean.shape)
    put(out, m, dict(sample=x, latent=z), dict(mean=q.mean, logvar=q.logvar, decoded=m.decode(z).sample))


@variant
def wan_vae_still(out, s): wan_vae(out, s, 1, dim_mult=[1, 2, 4], num_res_blocks=2, temperal_downsample=[True, False])
@variant
def wan_vae_long(out, s): wan_vae(out, s, 11, batch=2, dim_mult=[1, 2, 4], num_res_blocks=1, temperal_downsample=[True, True])
@variant
def wan_vae_every_frame(out, s): wan_vae(out, s, 9, dim_mult=[1, 1], num_res_blocks=1, temperal_downsample=[False])
@variant
def wan_vae_shortcuts(out, s): wan_vae(out, s, 6, (16, 16), dim_mult=[1, 2, 2], num_res_blocks=1, temperal_downsample=[True, True], is_residual=True, decoder_base_dim=16)
@variant
def wan_vae_patches(out, s):
    wan_vae(out, s, 9, (32, 32), dim_mult=[1, 2, 4, 4], num_res_blocks=2, temperal_downsample=[False, True, True], is_residual=True,
            in_channels=12, out_channels=12, patch_size=2, decoder_base_dim=12)


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("out", type=pathlib.Path)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--only", nargs="*")
    args = a.parse_args()
    for i, (name, fn) in enumerate(VARIANTS.items()):
        if args.only and name not in args.only:
            continue
        with torch.no_grad():
            fn(args.out / name, args.seed + 1000 * (i + 1))
        print("made", name)

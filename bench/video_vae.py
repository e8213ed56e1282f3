"""The project's video autoencoder (src/models/video-vae.ts) in PyTorch, with the same names and the same loss."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def angles(grid, width):
    """Rotary angles of a grid of (frames, height, width): tokens × width / 2, the axes sharing the columns as in Wan."""
    spatial = 2 * (width // 6)
    places = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in grid))
    columns = zip(places.unbind(1), (width - 2 * spatial, spatial, spatial))
    return torch.cat([p[:, None] / 10000 ** (torch.arange(0, n, 2) / n) for p, n in columns], 1)


def rotate(x, cos, sin):
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((a * cos - b * sin, b * cos + a * sin), -1).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.norm_q, self.norm_k = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)

    def forward(self, x, cos, sin, causal):
        split = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q = rotate(split(self.norm_q(self.to_q(x))), cos, sin)
        k = rotate(split(self.norm_k(self.to_k(x))), cos, sin)
        y = F.scaled_dot_product_attention(q, k, split(self.to_v(x)), is_causal=causal)
        return self.to_out[0](y.transpose(1, 2).flatten(2))


class Feed(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        first = nn.Module()
        first.proj = nn.Linear(width, hidden)
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(hidden, width)])

    def forward(self, x):
        return self.net[2](F.gelu(self.net[0].proj(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attn, self.ffn = Attention(width, heads), Feed(width, hidden)

    def forward(self, x, cos, sin, causal):
        norm = lambda t: F.layer_norm(t, t.shape[-1:])
        x = x + self.attn(norm(x), cos, sin, causal)
        return x + self.ffn(norm(x))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.GroupNorm(width // 16, width)
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x):
        return x + self.conv2(F.silu(self.conv1(self.norm(x))))


def trunk(blocks, x, head_width):
    """Blocks that look in turn at one frame and through time: x [B, T, H, W, D]."""
    B, T, H, W, D = x.shape
    tables = [[wave(angles(grid, head_width)).float() for wave in (torch.cos, torch.sin)] for grid in ((1, H, W), (T, 1, 1))]
    for i, block in enumerate(blocks):
        if i % 2 == 0:
            x = block(x.reshape(B * T, H * W, D), *tables[0], False).view(B, T, H, W, D)
        else:
            y = x.permute(0, 2, 3, 1, 4).reshape(B * H * W, T, D)
            x = block(y, *tables[1], True).view(B, H, W, T, D).permute(0, 3, 1, 2, 4)
    return F.layer_norm(x, (D,))


class VideoVae(nn.Module):
    def __init__(self, c):
        super().__init__()
        D, Z, C, fine, tail = c["width"], c["latent_channels"], c["channels"], c["fine_width"], c["tail_width"]
        self.fine_width, self.channels, self.head_width = fine, C, D // c["heads"]
        block = lambda: Block(D, c["heads"], D * c["mlp_ratio"])
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.patch_embedding = nn.Linear(2 * C * 256, D)
        self.encoder.blocks = nn.ModuleList([block() for _ in range(c["encoder_depth"])])
        self.encoder.proj_out = nn.Linear(D, 2 * Z)
        self.decoder.proj_in = nn.Linear(Z, D)
        self.decoder.blocks = nn.ModuleList([block() for _ in range(c["decoder_depth"])])
        self.decoder.unpatch = nn.Linear(D, 32 * fine)
        self.decoder.fine = nn.ModuleList([Residual(fine) for _ in range(c["fine_depth"])])
        self.decoder.up = nn.Conv2d(fine, 4 * tail, 3, padding=1)
        self.decoder.conv_out = nn.Conv2d(tail, 4 * C, 3, padding=1)

    def encode(self, x):
        B, T, C, H, W = x.shape
        even = torch.cat([x[:, :1], x], 1).view(B, (T + 1) // 2, 2, C, H // 16, 16, W // 16, 16)
        tokens = even.permute(0, 1, 4, 6, 2, 3, 5, 7).flatten(4)
        y = self.encoder.proj_out(trunk(self.encoder.blocks, self.encoder.patch_embedding(tokens), self.head_width))
        return y.permute(0, 4, 1, 2, 3).chunk(2, 1)

    def decode(self, z):
        d, F_ = self.decoder, self.fine_width
        x = d.unpatch(trunk(d.blocks, d.proj_in(z.permute(0, 2, 3, 4, 1)), self.head_width))
        B, S, H, W, _ = x.shape
        x = x.view(B, S, H, W, 2, F_, 4, 4).permute(0, 1, 4, 5, 2, 6, 3, 7).reshape(B, 2 * S, F_, 4 * H, 4 * W)
        x = x[:, 1:].flatten(0, 1)  # without the double of the first frame
        for layer in d.fine:
            x = layer(x)
        x = F.pixel_shuffle(d.up(x), 2)
        return F.pixel_shuffle(d.conv_out(F.silu(x)), 2).unflatten(0, (B, -1))

    def forward(self, clip, noise):
        mean, log_variance = (t.float() for t in self.encode(clip))
        log_variance = log_variance.clamp(-30, 20)
        error = self.decode(mean + (log_variance / 2).exp() * noise).float() - clip
        kl = (mean.square() + log_variance.exp() - log_variance - 1).mean() / 2
        motion = (error[:, 1:] - error[:, :-1]).abs().mean()
        return error.abs().mean() + 2 * error.square().mean() + 0.5 * motion + 2e-4 * kl

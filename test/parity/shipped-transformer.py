"""Shows that the shipped transformer is a WanTransformer3DModel: diffusers opens it as it is and gives the same numbers.

    pip install torch diffusers accelerate safetensors
    python test/parity/shipped-transformer.py [MODEL] && npx tubelet verify /tmp/shipped-transformer

Copies MODEL/transformer (default models/emoji-video), runs diffusers on random latents, times and text states, and
stores inputs and answers beside the weights, where `tubelet verify` finds them.
"""
import pathlib
import shutil
import sys
import tempfile

import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import save_file

model = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "models/emoji-video") / "transformer"
out = pathlib.Path(tempfile.gettempdir()) / "shipped-transformer"
shutil.rmtree(out, ignore_errors=True)
shutil.copytree(model, out)
net = WanTransformer3DModel.from_pretrained(model, torch_dtype=torch.float32).eval()
g = torch.Generator().manual_seed(0)
x = torch.randn(2, net.config.in_channels, 9, 8, 8, generator=g)
t = torch.tensor([17, 803])
text = torch.randn(2, 24, net.config.text_dim, generator=g)
with torch.no_grad():
    sample = net(x, t, text).sample
save_file(
    {
        "input.hidden_states": x,
        "input.timestep": t,
        "input.encoder_hidden_states": text,
        "output.sample": sample.contiguous(),
    },
    out / "expected.safetensors",
)
print(out)

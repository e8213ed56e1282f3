"""Makes test/cases/optimizer.json: weights that PyTorch's AdamW, Muon and gradient clipping reach in a few steps.

    pip install torch
    python test/parity/optimizer.py
"""
import json, math, pathlib
import torch
import torch.optim._muon as muon_module

STEPS, LR, CLIP, EMA = 7, 0.03, 1.5, 0.9
SHAPES = {"blocks.0.weight": [6, 8], "blocks.1.weight": [6, 8], "blocks.0.tall": [16, 4], "head.weight": [3, 5], "head.bias": [5]}
ADAMW = dict(betas=(0.9, 0.98), eps=1e-6)
DECAY = 0.1


class Float32Muon:
    """PyTorch orthogonalises in bfloat16; with the name of that type meaning float32 it does so in full precision."""
    bfloat16 = torch.float32
    def __getattr__(self, name): return getattr(torch, name)


def value(name, i, step):
    """Element i of the first weights (step 0) or of a step's gradient; the test uses the same formula."""
    k = list(SHAPES).index(name)
    return math.sin(1.3 * i + 2.1 * k + 0.5 * i * step) * (0.5 if step == 0 else 0.4 * step)


def tensor(name, step):
    shape = SHAPES[name]
    return torch.tensor([value(name, i, step) for i in range(math.prod(shape))], dtype=torch.float64).float().reshape(shape)


def run(muon_names):
    weights = {name: tensor(name, 0).requires_grad_() for name in SHAPES}
    matrices = [w for name, w in weights.items() if w.dim() == 2 and name not in muon_names]
    vectors = [w for w in weights.values() if w.dim() < 2]
    optimizers = [torch.optim.AdamW([dict(params=matrices, weight_decay=DECAY), dict(params=vectors, weight_decay=0.0)], lr=LR, **ADAMW)]
    if muon_names:
        optimizers.append(torch.optim.Muon([weights[n] for n in muon_names], lr=LR, weight_decay=DECAY, momentum=0.95, adjust_lr_fn="match_rms_adamw"))
    average = {name: w.detach().clone() for name, w in weights.items()}
    norms = []
    for step in range(1, STEPS + 1):
        for name, w in weights.items():
            w.grad = tensor(name, step)
        norms.append(float(torch.nn.utils.clip_grad_norm_(weights.values(), CLIP)))
        for optimizer in optimizers:
            optimizer.step()
        decay = min(EMA, (1 + step) / (10 + step))
        for name, w in weights.items():
            average[name] = decay * average[name] + (1 - decay) * w.detach()
    flat = lambda tensors: {name: [float(f"{v:.9g}") for v in t.detach().flatten().tolist()] for name, t in tensors.items()}
    return dict(norms=norms, weights=flat(weights), average=flat(average))


muon_module.torch = Float32Muon()
settings = dict(steps=STEPS, lr=LR, clip=CLIP, ema=EMA, beta1=0.9, beta2=0.98, eps=1e-6, weightDecay=DECAY, momentum=0.95)
blocks = [name for name in SHAPES if name.startswith("blocks.")]
out = dict(torch=torch.__version__, settings=settings, shapes=SHAPES, adamw=run([]), muon=run(blocks))
path = pathlib.Path(__file__).parent.parent / "cases" / "optimizer.json"
path.write_text(json.dumps(out, indent=1) + "\n")

"""PyTorch's side of a comparison: a process that does nothing until a line on its standard input asks for steps.

peer.py DIR THREADS [compile] [bf16] [channels_last]    training or sampling steps of the workload in DIR
peer.py gemm THREADS [bf16]                             a matrix product
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F

folder, threads, *modes = sys.argv[1:]
torch.set_num_threads(int(threads))
bf16 = "bf16" in modes
autocast = lambda: torch.autocast("cpu", torch.bfloat16, enabled=bf16)


def network(config):
    """The published class of a config, or this folder's copy of the project's autoencoder."""
    if config.get("model_type") == "clip":
        import transformers

        return transformers.CLIPModel(transformers.CLIPConfig(**config))
    name = config["_class_name"]
    if name == "VideoVae":
        from video_vae import VideoVae

        return VideoVae(config)
    import diffusers

    return getattr(diffusers, name).from_config(config)


def denoise(m, i):
    labels = {"class_labels": i["labels"].long()} if "labels" in i else {}
    return F.mse_loss(m(i["x"], timestep=i["t"], return_dict=False, **labels)[0].float(), i["target"])


def contrast(m, i):
    return m(input_ids=i["ids"].long(), pixel_values=i["pixels"], return_loss=True).loss


def autoencode(m, i):
    return m(i["clip"], i["noise"])


def flow(m, i):
    t = i["t"].view(-1, 1, 1, 1, 1)
    velocity = i["eps"] - i["x0"]
    return F.mse_loss(m(i["x0"] + t * velocity, i["t"] * 1000, i["text"], return_dict=False)[0].float(), velocity)


def guide(m, i):
    x, t = (torch.cat([a, a]) for a in (i["x"], i["t"]))
    prompted, negative = m(x, t, i["text"], return_dict=False)[0].float().chunk(2)
    return negative + 3 * (prompted - negative)


def distance(pairs):
    """Relative distance of two lists of arrays, taken as two vectors."""
    pairs = [(a.detach().double(), b.double()) for a, b in pairs]
    return (sum((a - b).square().sum() for a, b in pairs) / sum(b.square().sum() for _, b in pairs)).sqrt().item()


def load():
    from safetensors.torch import load_file

    spec = json.load(open(f"{folder}/spec.json"))
    weights, inputs, answers = (load_file(f"{folder}/{name}.safetensors") for name in ("weights", "inputs", "answers"))
    model = network(spec["config"]).eval()  # no dropout; gradients flow all the same
    unknown = model.load_state_dict(weights, strict=False)
    missing = set(unknown.missing_keys) & set(dict(model.named_parameters()))
    assert not missing and not unknown.unexpected_keys, (missing, unknown.unexpected_keys)
    if "channels_last" in modes:
        model = model.to(memory_format=torch.channels_last)
        last = lambda a: a.contiguous(memory_format=torch.channels_last) if a.dim() == 4 else a
        inputs = {name: last(array) for name, array in inputs.items()}
    return spec, model, inputs, answers


def training(spec, model, inputs, answers):
    run = globals()[spec["peer"]]
    loss_of = torch.compile(lambda: run(model, inputs)) if "compile" in modes else lambda: run(model, inputs)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.01, fused=True)
    average = [p.detach().clone() for p in parameters]

    def backward():
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            loss = loss_of()
        loss.backward()
        return loss

    def step():
        backward()
        with torch.no_grad():
            optimizer.step()
            torch._foreach_lerp_(average, parameters, 0.001)

    backward()
    error = distance([(p.grad, answers[f"gradient {name}"]) for name, p in model.named_parameters()])
    return step, error


def sampling(spec, model, inputs, answers):
    run = globals()[spec["peer"]]
    model.requires_grad_(False)
    compute = torch.compile(lambda: run(model, inputs)) if "compile" in modes else lambda: run(model, inputs)

    def step():
        with torch.no_grad(), autocast():
            return compute()

    return step, distance([(step(), answers["y"])])


def product():
    dtype = torch.bfloat16 if bf16 else torch.float32
    a, b = (torch.rand(1024, 1024).to(dtype) for _ in range(2))
    return lambda: a @ b, 0


def main():
    if folder == "gemm":
        step, error = product()
    else:
        spec, *parts = load()
        step, error = (training if spec["kind"] == "train" else sampling)(spec, *parts)
    step()
    print(json.dumps({"ready": True, "error": error}), flush=True)
    for _ in range(2):
        step()
    for line in sys.stdin:
        ms = []
        for _ in range(int(line)):
            begin = time.perf_counter()
            step()
            ms.append((time.perf_counter() - begin) * 1e3)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"ms": ms, "peakMb": peak}), flush=True)


main()

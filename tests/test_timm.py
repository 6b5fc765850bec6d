"""Our classifiers by timm's own door, in a process of its own: registering is for good."""

import subprocess
import sys

SOURCE = """
import timm
before = set(timm.list_models())
import lambdabench.timm
from lambdabench import models
new = set(timm.list_models()) - before
assert new == {name for name, family in models.ours().items() if family in models.CLASSIFIERS}, new
assert not (before & set(models.ours()))
for name in ("resnet50_ccll", "lambda_resnet50", "mobilenet_v2_lambda", "botnet_t3"):
    network = timm.create_model(name, num_classes=3, in_chans=1, drop_path_rate=0.1)
    assert network.get_classifier().out_features == 3
    assert network.num_features
    assert network.default_cfg["num_classes"] == 1000
    size = timm.data.resolve_model_data_config(network)["input_size"]
    assert size == (3, models.native_px(name), models.native_px(name)), size
features = timm.create_model("lambda_resnet152", features_only=True, out_indices=(2, 4))
assert features.feature_info.channels() == [512, 2048]
small = timm.create_model("resnet50_llll", scope=7, key_depth=8, img_size=64)
assert small.c2[0].spatial.embeddings.shape == (8, 1, 7, 7)
try:
    timm.create_model("lambda_resnet50", pretrained=True)
except Exception as error:
    assert "no weights for lambda_resnet50" in str(error)
else:
    raise AssertionError("made without weights")
print("done")
"""


def test_ours_are_timms_after_the_import() -> None:
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", SOURCE], capture_output=True, text=True)
    assert done.stdout.strip() == "done", done.stderr

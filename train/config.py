"""The settings of a training run: every key, its type and its range."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

GRID_SIDE = 128  # pixels: in smaller crops the frequencies beside a period of 8 pixels are those of large shapes


class Config(BaseModel):
    """The settings of a training run. Sizes are in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    architecture: Literal["adain-vgg19", "lite", "studio"] = Field("adain-vgg19", description="the network to train")
    objective: Literal["style", "recolour"] = Field(
        "style",
        description="style: perceptual losses; recolour: give the photo back in the style's colours, a cheap start",
    )
    freeze_encoder: bool = Field(False, description="train the decoder alone")

    image_size: int = Field(256, ge=32, description="side of the content crops, pixels")
    style_size: int | None = Field(None, ge=32, description="side of the style crops, pixels; image_size if not given")
    shorter_side_min: int = Field(512, ge=32, description="pictures are scaled to a shorter side of at least this")
    shorter_side_max: int = Field(512, ge=32, description="and at most this, drawn for each crop, pixels")
    augment_styles: bool = Field(False, description="flip style crops and change their colours at random")
    style_pool: int = Field(0, ge=0, description="draw so many style crops once and for all; 0 draws new ones")
    styles_per_content: int = Field(1, ge=1, description="outputs made of each content crop, each in another style")

    batch_size: int = Field(8, ge=1, description="outputs for each step and process")
    epochs: int = Field(1, ge=1, description="passes over the photos")
    max_steps: int | None = Field(None, ge=1, description="stop after so many steps, whatever epochs says")
    learning_rate: float = Field(1e-4, gt=0, description="of Adam")
    warmup_steps: int = Field(0, ge=0, description="steps over which the learning rate rises from zero")
    schedule: Literal["constant", "cosine"] = Field("constant", description="of the learning rate after warming up")
    grad_clip: float = Field(0.0, ge=0, description="largest norm of the gradient; 0 never clips")

    content_target: Literal["content", "adain"] = Field(
        "content", description="what the output's relu4_1 should be: the photo's, or AdaIN's of photo and style"
    )
    style_loss: Literal["gram", "mean_std"] = Field("gram", description="the statistics the style loss compares")
    content_weight: float = Field(1.0, ge=0)
    style_weight: float = Field(50.0, ge=0)
    temporal_weight: float = Field(0.0, ge=0, description="of the difference between moved output and output of moved")
    grid_weight: float = Field(0.0, ge=0, description="of power at periods of 2, 4 and 8 pixels above that beside them")
    balanced: bool = Field(False, description="take the square root of each output's content and style loss")
    tv_weight: float = Field(0.0, ge=0, description="of the total variation, against noise")
    colour_weight: float = Field(0.0, ge=0, description="of mean and deviation of the output's RGB against the style's")
    pixel_weight: float = Field(0.0, ge=0, description="of the difference to the recoloured photo")
    motion: float = Field(8.0, ge=0, description="largest movement of the temporal loss on photos, pixels")
    noise: float = Field(0.0, ge=0, description="deviation of the grain on the moved photo, levels of 255")
    clips: str | None = Field(None, description="folder of videos: the temporal loss is taken on their frames too")
    flow_weights: str | None = Field(None, description="of RAFT-small, the motion in clips; downloaded where not given")

    use_amp: bool = Field(False, description="compute convolutions in amp_dtype")
    amp_dtype: Literal["bf16", "fp16"] = Field("bf16", description="fp16 scales its loss, bf16 need not")
    amp_scope: Literal["all", "loss"] = Field("all", description="loss: only the loss network, the trained one in fp32")
    channels_last: bool = Field(False, description="keep the channels of a pixel together in memory")
    gradient_checkpointing: bool = Field(False, description="compute activations twice rather than store them")
    compile: bool = Field(False, description="through torch.compile")

    num_workers: int = Field(2, ge=0, description="processes that read pictures")
    seed: int = Field(0, ge=0)
    log_interval: int = Field(20, ge=1, description="steps")
    save_interval: int = Field(500, ge=1, description="steps")
    sample_interval: int = Field(500, ge=1, description="steps between grids of content, style and output")
    keep_checkpoints: int = Field(3, ge=1, description="how many of the newest stay")

    @model_validator(mode="after")
    def _agrees(self) -> "Config":
        if self.shorter_side_max < self.shorter_side_min:
            raise ValueError(f"shorter_side_max {self.shorter_side_max} is below shorter_side_min")
        if self.shorter_side_min < max(self.image_size, self.style_size or 0):
            raise ValueError(f"shorter_side_min {self.shorter_side_min} is below the size of the crops")
        if self.batch_size % self.styles_per_content:
            raise ValueError(f"batch_size {self.batch_size} is no multiple of styles_per_content")
        if self.objective == "recolour" and self.style_pool:
            raise ValueError("style_pool is for objective style: recolour has nothing to measure once and for all")
        if self.grid_weight and (self.image_size % 8 or self.image_size < GRID_SIDE):
            raise ValueError(f"grid_weight wants an image_size that 8 divides, from {GRID_SIDE} on")
        if self.clips is not None and (self.objective == "recolour" or not self.temporal_weight):
            raise ValueError("clips are for the temporal loss of objective style. Give temporal_weight, such as 50")
        if self.flow_weights is not None and self.clips is None:
            raise ValueError("flow_weights are given without clips to find the motion in. Give the folder as clips")
        return self

    @property
    def contents(self) -> int:
        """Content crops of a step in each process."""
        return self.batch_size // self.styles_per_content

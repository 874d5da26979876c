"""Pictures as geometry: pure arithmetic without Django, which the templates in `pictures/` write as SVG."""

from frontend.pictures.digit_histogram import Histogram, histogram
from frontend.pictures.golden_spiral import SPIRAL_TO, Spiral, spiral
from frontend.pictures.phase_timeline import Timeline, timeline
from frontend.pictures.time_plot import Plot, plot

__all__ = ["SPIRAL_TO", "Histogram", "Plot", "Spiral", "Timeline", "histogram", "plot", "spiral", "timeline"]

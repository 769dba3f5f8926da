package scaling

import "fmt"

// AxisText names an axis for people, with its unit.
func AxisText(axis string) string {
	switch axis {
	case AxisParams:
		return "parameters"
	case "params_nonembedding":
		return "parameters without embeddings"
	case AxisTokens:
		return "training tokens"
	case AxisFLOPs:
		return "training FLOPs"
	case AxisLoss:
		return "pre-training loss (nats/token)"
	case AxisCapability:
		return "capability (first principal component)"
	}
	return axis
}

// ScaleText writes a scale with three digits and a letter for thousands, millions, billions (10⁹) and trillions.
func ScaleText(x float64) string {
	for _, unit := range []struct {
		size   float64
		letter string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
		if x >= 0.9995*unit.size && x < 1000*unit.size {
			return fmt.Sprintf("%.3g%s", x/unit.size, unit.letter)
		}
	}
	return fmt.Sprintf("%.3g", x)
}

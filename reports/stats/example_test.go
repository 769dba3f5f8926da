package stats_test

import (
	"fmt"

	"github.com/onset-eval/onset/reports/stats"
)

func ExampleWilson() {
	e := stats.Wilson(131, 200, 0)
	fmt.Printf("%.3f [%.3f, %.3f] n=%v %s\n", e.Value, e.Lo, e.Hi, e.N, e.Method)
	// Output: 0.655 [0.587, 0.717] n=200 Wilson
}

func ExampleMcNemar() {
	t := stats.McNemar(10, 2) // ten samples that only the first model solves, two that only the second does
	fmt.Printf("p = %.3f\n", t.P)
	// Output: p = 0.039
}

func ExampleHolm() {
	fmt.Println(stats.Holm([]float64{0.01, 0.04, 0.03}))
	// Output: [0.03 0.06 0.06]
}

func ExamplePassAtK() {
	fmt.Printf("%.4f\n", stats.PassAtK(10, 3, 2))
	// Output: 0.5333
}

package tasks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/pyval"
)

// chanceRule says how probably a guess is right.
type chanceRule struct {
	stated bool
	value  float64
	each   expr // the value by document, where it is set
	shown  bool // with worked examples, guess one of their answers at random
}

// read reads a probability: a number, a fraction such as 1/26, or the column or template that gives it.
func (c *chanceRule) read(d document, f yamlfile.Field) error {
	c.stated = true
	if v, err := f.Number(); err == nil {
		c.value = v
		return checkChance(f, v)
	}
	s, err := f.Text()
	if err != nil {
		return err
	}
	if v, ok := parseFraction(s); ok {
		c.value = v
		return checkChance(f, v)
	}
	c.stated = false
	c.each, err = readExpr(d, f, false)
	return err
}

func checkChance(f yamlfile.Field, v float64) error {
	if !(v >= 0 && v <= 1) {
		return f.Errorf("chance: %v is no probability: it is between 0 and 1", v)
	}
	return nil
}

// parseFraction reads a number or a/b.
func parseFraction(s string) (float64, bool) {
	over, under, isFraction := strings.Cut(s, "/")
	a, err := strconv.ParseFloat(strings.TrimSpace(over), 64)
	if err != nil {
		return 0, false
	}
	if !isFraction {
		return a, true
	}
	b, err := strconv.ParseFloat(strings.TrimSpace(under), 64)
	return a / b, err == nil
}

// readGuess reads the best way to guess: stated as chance says, or shown_answer.
func (c *chanceRule) readGuess(f yamlfile.Field) error {
	s, err := f.Text()
	switch {
	case err != nil:
		return err
	case s == "shown_answer":
		c.shown = true
	case s != "stated":
		return unknownWord(f, s, []string{"stated", "shown_answer"})
	}
	return nil
}

// of gives the chance of one sample, and 0 where it is unknown.
func (c chanceRule) of(doc *pyval.Dict, names columns, shown []string, s Sample) (float64, error) {
	switch {
	case c.shown && len(shown) > 0:
		n := 0
		for _, answer := range shown {
			if answer == s.Targets[0] {
				n++
			}
		}
		return float64(n) / float64(len(shown)), nil
	case c.each.isSet:
		text, err := c.each.text(doc, names)
		if err != nil {
			return 0, err
		}
		v, ok := parseFraction(text)
		if !ok || !(v >= 0 && v <= 1) {
			return 0, fmt.Errorf("chance: %q is no probability", text)
		}
		return v, nil
	case c.stated:
		return c.value, nil
	case len(s.Choices) > 0:
		return float64(len(s.Gold)) / float64(len(s.Choices)), nil
	}
	return 0, nil
}

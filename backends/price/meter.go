package price

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/onset-eval/onset/backends"
)

// Meter counts what a run spends. Its methods may be called concurrently. The zero value has no budget.
type Meter struct {
	mu       sync.Mutex // guards what follows
	total    Total
	before   float64
	budget   float64
	over     chan struct{} // closed where the budget is reached; nil without one
	inFlight int
	priced   int // answers that cost something, of which total.USD is the sum
}

// Total is what was asked and spent.
type Total struct {
	Requests int     // that were answered by a model and no cache
	Usage    Usage   // of these
	USD      float64 // that they cost
}

// Usage sums tokens.
type Usage struct{ Prompt, Cached, Completion, Reasoning int64 }

// NewMeter makes a meter that has a budget of so many USD, of which before are spent already.
func NewMeter(budget, before float64) *Meter {
	return &Meter{budget: budget, before: before, over: make(chan struct{})}
}

// Over is closed once the budget is reached: when what is spent and what the requests under way are likely to cost, at
// the mean of those answered, come to it. It is nil, and so never ready, on a meter without one.
func (m *Meter) Over() <-chan struct{} { return m.over }

// Total gives what was asked and spent since the meter was made.
func (m *Meter) Total() Total {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// Spent gives the USD spent, with what was spent before.
func (m *Meter) Spent() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.before + m.total.USD
}

// Budget gives the budget in USD; 0 is none.
func (m *Meter) Budget() float64 { return m.budget }

func (m *Meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight++
	m.check()
}

func (m *Meter) end(resp *backends.Response) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inFlight--
	if resp != nil {
		u := resp.Usage
		m.total.Requests++
		m.total.Usage.Prompt += int64(u.PromptTokens)
		m.total.Usage.Cached += int64(u.CachedTokens)
		m.total.Usage.Completion += int64(u.CompletionTokens)
		m.total.Usage.Reasoning += int64(u.ReasoningTokens)
		m.total.USD += u.CostUSD
		if u.CostUSD > 0 {
			m.priced++
		}
	}
	m.check()
}

// check closes over where the budget is reached. The lock is held.
func (m *Meter) check() {
	if m.over == nil {
		return
	}
	likely := m.before + m.total.USD
	if m.priced > 0 {
		likely += float64(m.inFlight) * m.total.USD / float64(m.priced)
	}
	if likely < m.budget {
		return
	}
	select {
	case <-m.over:
	default:
		close(m.over)
	}
}

// Charge sets the cost of each answer of b by its usage and the price p, and counts it on m. It stands below the
// response cache, whose answers are free, and above Retry, since vendors do not charge for failures.
func Charge(b backends.Backend, p Price, m *Meter) backends.Backend { return &charge{b, p, m} }

type charge struct {
	backends.Backend
	price Price
	meter *Meter
}

// Unwrap gives the model that is charged for.
func (c *charge) Unwrap() backends.Backend { return c.Backend }

func (c *charge) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	c.meter.begin()
	resp, err := c.Backend.Do(ctx, req)
	if err != nil {
		c.meter.end(nil)
		return resp, err
	}
	if resp.Usage.CostUSD == 0 { // a server may say itself what an answer cost
		resp.Usage.CostUSD = c.price.Of(resp.Usage)
	}
	c.meter.end(&resp)
	return resp, nil
}

// ParseUSD reads an amount of money: "20", "20usd", "$20", "0.5 USD".
func ParseUSD(s string) (float64, error) {
	text := strings.TrimSpace(strings.ToLower(s))
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text, "$"), "usd"))
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is no amount of money, as 20usd", s)
	}
	return v, nil
}

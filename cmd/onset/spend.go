package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/price"
	"github.com/onset-eval/onset/backends/sqlitecache"
	"github.com/onset-eval/onset/evaluators/runlog"
)

// spendFlags are the flags that say what may be asked anew and what it may cost.
type spendFlags struct {
	cache     string
	cacheFile string
	sampled   bool
	prices    string
	budget    string
}

func (f *spendFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.cache, "cache", "", "response cache: off, read, write (read and add) or refresh (ask anew); default write for models behind an API or server, off for others")
	flags.StringVar(&f.cacheFile, "cache-file", "", "file of the response cache (default in the user's cache folder)")
	flags.BoolVar(&f.sampled, "cache-sampled", false, "cache sampled draws too, each under its own number")
	flags.StringVar(&f.prices, "prices", "", "price file, over the prices that ship")
	flags.StringVar(&f.budget, "budget", "", "stop cleanly before the run has cost more than this, as 20usd; what an earlier start of it spent counts")
}

// spending is what a run may ask anew and spend.
type spending struct {
	mode    backends.CacheMode // "" is the default of each model
	sampled bool
	file    string
	prices  price.Table
	meter   *price.Meter

	mu    sync.Mutex         // guards store: models may be opened side by side
	store *sqlitecache.Store // nil until a model needs it
}

// open reads the flags, and what the run in dir has spent where a budget asks for it.
func (f *spendFlags) open(dir string) (*spending, error) {
	s := &spending{sampled: f.sampled, mode: backends.CacheMode(f.cache), file: f.cacheFile, meter: new(price.Meter), prices: price.Shipped()}
	if f.cache != "" && !slices.Contains(backends.CacheModes[:], s.mode) {
		return nil, usage(withHint(fmt.Errorf("--cache %s is unknown", f.cache), "it is off, read, write or refresh"))
	}
	if f.prices != "" {
		table, err := price.Load(f.prices)
		if err != nil {
			return nil, usage(err)
		}
		s.prices = table
	}
	if s.file == "" {
		folder, err := os.UserCacheDir()
		if err == nil {
			s.file = filepath.Join(folder, "onset", "responses.db")
		}
	}
	if f.budget == "" {
		return s, nil
	}
	limit, err := price.ParseUSD(f.budget)
	if err != nil {
		return nil, usage(withHint(fmt.Errorf("--budget: %w", err), "for example --budget 20usd"))
	}
	before, err := spent(dir)
	if err != nil {
		return nil, err
	}
	s.meter = price.NewMeter(limit, before)
	return s, nil
}

// spent sums what the records of a run cost.
func spent(dir string) (float64, error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	total := 0.0
	for r, err := range runlog.Read(dir) {
		if err != nil {
			return 0, err
		}
		for _, resp := range r.Responses {
			if !resp.Cached {
				total += resp.Usage.CostUSD
			}
		}
	}
	return total, nil
}

// check refuses a budget that could not be kept, since a model has no price.
func (s *spending) check(models []backends.Model, infos []backends.Info) error {
	if s.meter.Budget() == 0 {
		return nil
	}
	for i, m := range models {
		if _, known := s.priceOf(m, infos[i]); !known {
			return usage(withHint(fmt.Errorf("--budget: the price of %s is not known", m.Ref),
				"write it into a file, models: [{model: %s, input: …, output: …}] in USD a million tokens, and name that with --prices", m.Ref))
		}
	}
	return nil
}

// priceOf gives a model's price; models in this process and on servers of this machine are free unless the user's file
// says otherwise.
func (s *spending) priceOf(m backends.Model, info backends.Info) (price.Price, bool) {
	p, known := s.prices.For(m.Ref)
	if endpoint := info.Details["endpoint"]; known && (endpoint == "" || !loopback(endpoint) || s.prices.Own(m.Ref)) {
		return p, true
	} else if endpoint == "" || loopback(endpoint) {
		return price.Price{Batch: 1}, true
	}
	return p, known
}

// loopback reports whether a server's address is of this machine.
func loopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// wrap puts the price and the cache around a model.
func (s *spending) wrap(ctx context.Context, b backends.Backend, m backends.Model, batch bool) (backends.Backend, error) {
	info := b.Info()
	p, _ := s.priceOf(m, info)
	if batch {
		p = p.Times(p.Batch)
	}
	b = price.Charge(b, p, s.meter)
	mode := s.mode
	if mode == "" {
		mode = backends.CacheOff
		if info.Details["endpoint"] != "" {
			mode = backends.CacheWrite
		}
	}
	if mode == backends.CacheOff {
		return b, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store == nil {
		if s.file == "" {
			return nil, usage(withHint(errors.New("this user has no cache folder"), "name a file with --cache-file, or run with --cache off"))
		}
		store, err := sqlitecache.Open(ctx, s.file)
		if err != nil {
			return nil, err
		}
		s.store = store
	}
	return backends.Cache(b, s.store, backends.CacheOptions{Mode: mode, Sampled: s.sampled}), nil
}

// close makes the cache durable.
func (s *spending) close() error {
	if s.store == nil {
		return nil
	}
	return s.store.Close()
}

// overBudget explains the end of a run whose budget is reached; nil where it is not.
func (s *spending) overBudget(dir string) error {
	if s.meter.Budget() == 0 {
		return nil
	}
	select {
	case <-s.meter.Over():
		return withHint(fmt.Errorf("the budget of %s is reached: %s spent", usd(s.meter.Budget()), usd(s.meter.Spent())),
			"what is recorded stays; continue with more: onset resume --budget %gusd %s", 2*s.meter.Budget(), dir)
	default:
		return nil
	}
}

// usd writes an amount of money, small ones with their leading digits.
func usd(v float64) string {
	digits := 2
	if v > 0 && v < 1 {
		digits = max(2, 1+int(math.Ceil(-math.Log10(v))))
	}
	return fmt.Sprintf("$%.*f", digits, v)
}

// listen opens an address for serving this process's metrics.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, usage(withHint(fmt.Errorf("--metrics-addr: %w", err), "name a free address, as 127.0.0.1:9464"))
	}
	return l, nil
}

//go:build cuda

package local

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	concpool "github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
)

// TestDeviceMixedLoad asks all kinds of requests at once for as long as ONSET_TEST_LOAD says (10m), or two seconds: answers
// stay what they were, and the device's free memory is at the end what it was when all had been asked once.
func TestDeviceMixedLoad(t *testing.T) {
	long, err := time.ParseDuration(cmp.Or(os.Getenv("ONSET_TEST_LOAD"), "2s"))
	if err != nil {
		t.Fatal(err)
	}
	dev := testDevice(t)
	rng := rand.New(rand.NewPCG(6, 6))
	reqs := make([]backends.Request, 40)
	for i := range reqs {
		reqs[i] = randomRequest(rng)
	}
	b := openLadder(t, "s1", Options{Device: dev, CacheBytes: 1 << 20})
	ask := func() []backends.Response {
		out := make([]backends.Response, len(reqs))
		group := concpool.New().WithErrors()
		for _, i := range rng.Perm(len(reqs)) {
			group.Go(func() (err error) {
				out[i], err = b.Do(context.Background(), reqs[i])
				out[i].Latency = 0
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := ask()
	before, _, err := dev.Memory()
	if err != nil {
		t.Fatal(err)
	}
	rounds := 0
	for end := time.Now().Add(long); time.Now().Before(end); rounds++ {
		if got := ask(); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: other answers", rounds)
		}
	}
	after, _, err := dev.Memory()
	// Rooms for a step's numbers may grow by a piece or two with the order of the requests.
	if most := int64(1 << 22); err != nil || before-after > most {
		t.Errorf("after %d rounds %d bytes are free, and %d before: %v", rounds, after, before, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("%d rounds", rounds)
}

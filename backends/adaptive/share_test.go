package adaptive_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/adaptive"
)

// TestEightProcesses runs eight limiters over one server that takes 40 calls at once: together they find the level, in
// fair parts.
func TestEightProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(traits{slots: 40, noise: .3})
		room := adaptive.NewRoom()
		var wg sync.WaitGroup
		var mu sync.Mutex
		var times []time.Duration
		for range 8 {
			wg.Go(func() {
				b, l := limiter(t, s, adaptive.Options{Share: room})
				took, lost := drive(t.Context(), b, 1500, 64)
				mu.Lock()
				defer mu.Unlock()
				times = append(times, took)
				if lost > 0 {
					t.Errorf("%d lost", lost)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		first, last := times[0], times[7]
		best := time.Duration(8*1500/40) * time.Second
		t.Logf("first done after %v, last after %v, best %v; %d of %d refused, late %.4f", first, last, best, s.refused, s.seen, s.lateRefusals())
		if last > best*10/8 || first < last*7/10 {
			t.Errorf("the processes are done between %v and %v; the server could do it in %v", first, last, best)
		}
		if s.lateRefusals() > 0.02 {
			t.Errorf("%.2f %% refused in the second half", 100*s.lateRefusals())
		}
	})
}

// TestTakeover ends the one who leads, again and again, while others have calls in flight: the level is remembered, the
// bound kept, nothing lost.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(traits{noise: .3})
		room := adaptive.NewRoom()
		bounds := adaptive.Bounds{Min: 1, Start: 8, Max: 30}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				b, l := limiter(t, s, adaptive.Options{Share: room, Bounds: bounds})
				if _, lost := drive(t.Context(), b, 300*(i+1), 40); lost > 0 {
					t.Errorf("%d lost", lost)
				}
				if st := l.Stats(); i > 1 && st.Level < 20 {
					t.Errorf("after takeovers the level is %d", st.Level)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if s.peak > bounds.Max {
			t.Errorf("%d calls at once, where %d are allowed", s.peak, bounds.Max)
		}
	})
}

// TestSharedDrainAndCancel gives back what waits and what runs, through the broker.
func TestSharedDrainAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(traits{base: time.Minute})
		room := adaptive.NewRoom()
		bounds := adaptive.Bounds{Min: 1, Start: 4, Max: 5}
		var ls []*adaptive.Limiter
		for range 2 {
			l, err := adaptive.New(adaptive.Options{Share: room, Bounds: bounds})
			if err != nil {
				t.Fatal(err)
			}
			ls = append(ls, l)
			time.Sleep(time.Second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for _, l := range ls {
			wg.Go(func() {
				b := l.Wrap(s, adaptive.WrapOptions{})
				if _, lost := drive(ctx, b, 10, 10); lost != 10 {
					t.Errorf("%d of 10 cancelled calls fail", lost)
				}
			})
		}
		wg.Wait()
		b := ls[1].Wrap(s, adaptive.WrapOptions{})
		if d, lost := drive(t.Context(), b, 4, 4); lost > 0 || d > 61*time.Second {
			t.Errorf("the slots are not free again: %v, %d lost", d, lost)
		}
		for _, l := range ls {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := b.Do(t.Context(), backends.Request{}); backends.KindOf(err) != backends.KindClosed {
			t.Errorf("a call after Close gives %v", err)
		}
	})
}

// counter is a server that counts the connections that are open at once: a call is a connection.
type counter struct {
	l net.Listener

	mu        sync.Mutex // guards what follows
	now, peak int
	done      int
}

func newCounter(t *testing.T) *counter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{l: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return c
}

func (c *counter) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }() // once it is counted
	c.mu.Lock()
	c.now++
	c.peak = max(c.peak, c.now)
	c.mu.Unlock()
	_, err := io.Copy(io.Discard, conn) // until the other side ends its call, or itself
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	if err == nil {
		c.done++
	}
}

func (c *counter) counts() (now, peak, done int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, c.peak, c.done
}

// dialer is a model whose calls are connections to a counter.
type dialer struct {
	backends.Backend
	addr string
}

func (d dialer) Do(context.Context, backends.Request) (backends.Response, error) {
	conn, err := net.Dial("tcp", d.addr)
	if err != nil {
		return backends.Response{}, backends.Errorf(backends.KindNetwork, "dial", "%w", err)
	}
	defer func() { _ = conn.Close() }()
	time.Sleep(20 * time.Millisecond)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return backends.Response{}, err
	}
	_, err = io.Copy(io.Discard, conn) // until the server has counted the end
	return backends.Response{Text: "ok", Usage: backends.Usage{CompletionTokens: 1}}, err
}

// callUntilKilled is a process of TestProcesses: it makes calls through a shared limit, and says how many it has made.
func callUntilKilled(dir, addr string, n int) int {
	l, err := adaptive.New(adaptive.Options{
		Bounds: adaptive.Bounds{Min: 1, Start: 6, Max: 6 + 1},
		Share:  &adaptive.Share{Dir: dir, Server: "test", Key: "secret-canary"},
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	b := l.Wrap(dialer{addr: addr}, adaptive.WrapOptions{})
	_, lost := drive(context.Background(), b, n, 16)
	fmt.Println("lost", lost, "shared", l.Stats().Shared)
	if l.Close() != nil || lost > 0 {
		return 1
	}
	return 0
}

// TestProcesses shares a limit among real processes, kills the one who leads and another one, and sees that the others go
// on within the bound, use all of it, and leave nothing behind.
func TestProcesses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes share no limit on Windows")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := newCounter(t)
	dir := shortDir(t)
	start := func(n int) *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "ONSET_TEST_SHARE="+dir, "ONSET_TEST_ADDR="+c.l.Addr().String(), "ONSET_TEST_CALLS="+strconv.Itoa(n))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	waitFor := func(what string, f func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited in vain until %s", what)
			}
		}
	}
	leader := start(1_000_000)
	waitFor("the first process makes calls", func() bool { _, _, done := c.counts(); return done > 20 })
	others := []*exec.Cmd{start(1_000_000), start(400), start(400)}
	_, _, before := c.counts()
	waitFor("all make calls", func() bool { _, _, done := c.counts(); return done > before+100 })
	for _, victim := range []*exec.Cmd{leader, others[0]} {
		if err := victim.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = victim.Wait() // it was killed
		_, _, before := c.counts()
		waitFor("the others go on after a kill", func() bool { _, _, done := c.counts(); return done > before+50 })
	}
	for _, p := range others[1:] {
		if err := p.Wait(); err != nil {
			t.Errorf("a process that was left alone: %v", err)
		}
	}
	waitFor("all calls are over", func() bool { now, _, _ := c.counts(); return now == 0 })
	if _, peak, _ := c.counts(); peak < 6 || peak > 7 {
		t.Errorf("at most %d calls at once; the level is 6 to 7", peak)
	}
	last := start(50)
	if err := last.Wait(); err != nil {
		t.Errorf("a process after all others: %v", err)
	}
	checkSecrets(t, dir)
}

// checkSecrets sees that no file in the folder, and no name of one, tells the key.
func checkSecrets(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		st, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode()&os.ModeSocket == 0 && st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", f.Name(), st.Mode())
		}
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if strings.Contains(f.Name()+string(data), "canary") {
			t.Errorf("%s tells the key (%v)", f.Name(), err)
		}
	}
}

// shortDir is a folder whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "onset")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestNoSharing names the reason where a limit cannot be shared.
func TestNoSharing(t *testing.T) {
	dir := shortDir(t)
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o755); err != nil { //nolint:gosec // this is what must be refused
		t.Fatal(err)
	}
	for _, d := range []string{open, filepath.Join(dir, strings.Repeat("long", 30))} {
		_, err := adaptive.New(adaptive.Options{Share: &adaptive.Share{Dir: d}})
		var no *adaptive.NoSharingError
		if !errors.As(err, &no) || no.Hint() == "" {
			t.Errorf("folder %s gives %v", d, err)
		}
	}
}

// TestStrangers has somebody else at the socket, and a lock that another program holds: calls go on, alone.
func TestStrangers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes share no limit on Windows")
	}
	dir := shortDir(t)
	share := &adaptive.Share{Dir: dir, Server: "test"}
	first, err := adaptive.New(adaptive.Options{Share: share})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Close() })
	socks, _ := filepath.Glob(filepath.Join(dir, "*.sock"))
	for end := time.Now().Add(5 * time.Second); len(socks) == 0 && time.Now().Before(end); socks, _ = filepath.Glob(filepath.Join(dir, "*.sock")) {
		time.Sleep(time.Millisecond)
	}
	if len(socks) != 1 {
		t.Fatalf("%d sockets", len(socks))
	}
	for _, words := range []string{"", "GET / HTTP/1.1\r\n\r\n", "{\"op\":\"hello\",\"version\":99}\n", "{\"op\":\"hello\",\"version\":1}\n{\"op\":\"release\",\"id\":7}\nnonsense\n"} {
		conn, err := net.Dial("unix", socks[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(words)); err != nil {
			t.Fatal(err)
		}
		if words != "" {
			if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, _ = bufio.NewReader(conn).ReadString(0) // to the end
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b := first.Wrap(newServer(traits{base: time.Millisecond}), adaptive.WrapOptions{})
	if _, err := b.Do(t.Context(), backends.Request{}); err != nil {
		t.Error(err)
	}
}

// Command onset-cuda is the GPU worker: onset starts it for each GPU that it uses, and asks it over standard input and
// output. It is a program of its own since the driver's binding ends the process where there is no GPU, and since a
// program that is linked to the driver does not start where there is none; so onset itself runs everywhere, and a crash
// below the driver ends a worker and no run.
//
// make cuda builds it, with the tag cuda. Without that tag it says so and nothing else.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/onset-eval/onset/backends/local/worker/host"
)

// version is set by the build.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := host.Main(ctx, os.Args[1:], host.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, machine{}, version)
	stop()
	os.Exit(code)
}

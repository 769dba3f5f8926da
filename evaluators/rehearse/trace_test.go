package rehearse

import (
	"fmt"
	"os"
	"testing"

	"github.com/onset-eval/onset/tasks"
)

func TestTrace(t *testing.T) {
	dir, name := os.Getenv("TREE"), os.Getenv("TASK")
	if dir == "" {
		t.Skip()
	}
	src, _ := tasks.PathSource(dir)
	x, err := tasks.NewIndex(src)
	if err != nil {
		t.Fatal(err)
	}
	trace = func(s *schema, o outcome) { fmt.Println(s.key(), "=>", o.stage, o.err) }
	fmt.Println(New(x).Task(t.Context(), name))
}

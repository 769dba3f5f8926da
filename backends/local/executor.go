package local

import "github.com/onset-eval/onset/backends/local/internal/kernels"

// executor computes a scheduler's steps. One goroutine asks it. What is asked takes effect in the order in which it is
// asked, but may be under way still when the call returns: of each step begun by forward, collect says that it is done.
type executor interface {
	// sizes says what suits the executor. It is constant.
	sizes() sizes

	// newPage gives a page that was not given before or that reset took back, with no holders.
	newPage() *page
	// copyPrefix copies the first n positions of a page.
	copyPrefix(dst, src *page, n int)
	// reset takes back all pages and forgets the steps that were not collected.
	reset()

	// forward begins a step: it runs rows through the model as model.forward says, which also says what keep is. The rows are
	// not read after the call; the pages of their sequences may get other rows of other sequences in later steps.
	forward(rows []row, keep []int)
	// score finds what rows of hidden states are asked for: rows[i] is of the step's kept row from+i. They are filled in
	// when the step is collected, and must stay where they are until then.
	score(rows []kernels.Scores, from int)
	// draw lets texts draw tokens, by rising kept row. They are filled in when the step is collected, and must stay where
	// they are until then.
	draw(draws []drawn)
	// collect waits for the oldest step that was not collected. After an error nothing that was computed is of use, and the
	// caller resets.
	collect() error
	// close gives back what the executor holds. No step is under way.
	close() error
}

// sizes are those of steps and of the memory for keys and values that suit an executor. They decide speed and memory, and
// no result.
type sizes struct {
	tokens int // in one step, at most
	live   int // texts under way
	// pages, unless 0, is the number of pages that there are: no more can be had, not for one text alone either.
	pages     int
	pageBytes int64
	layers    int // lists of pages in a sequence, one a layer; 0 where pages are known by their ids
	// once bounds the bytes of pages that are kept of texts of which no second request has shown a part yet.
	once int64
	// ahead says that the next step may be begun before the last is collected, and that this is of use.
	ahead bool
}

// drawn is a text that draws a token from the logits of a kept row.
type drawn struct {
	t     *text
	row   int
	token int // what was drawn
}

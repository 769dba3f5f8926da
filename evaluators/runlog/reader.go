package runlog

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
)

// Reader reads a run directory: the union of its segments. It tolerates what crashes leave, and says so in
// Warnings. A Reader is used by one goroutine; the directory may be written meanwhile.
type Reader struct {
	dir  string
	json json.Options
	view view
	// Warnings tell what could not be read, of the last pass.
	Warnings Warnings
}

// Warnings tell what a reader left out.
type Warnings struct {
	// Torn counts segments that end in an unfinished line: the normal mark of a crash, whose record is asked again.
	Torn int
	// Corrupt names lines that are finished and unreadable, the first hundred, as "file:line: reason".
	Corrupt []string
	// CorruptLines counts them all.
	CorruptLines int
}

// maxWarnings bounds Warnings.Corrupt.
const maxWarnings = 100

func (w *Warnings) corrupt(file string, n int, err error) {
	w.CorruptLines++
	if len(w.Corrupt) < maxWarnings {
		w.Corrupt = append(w.Corrupt, fmt.Sprintf("%s:%d: %v", file, n, err))
	}
}

// NewReader gives a reader of the run in dir.
func NewReader(dir string) *Reader { return &Reader{dir: dir, json: encoding(), view: decode} }

// Read gives the records of the run in dir; see Reader.Records.
func Read(dir string) iter.Seq2[Record, error] { return NewReader(dir).Records() }

// Records gives each record of the run once, in no order that matters. Of several with one key it gives the first
// that has no error, and one with an error only where there is no other. It keeps 16 bytes of each key in
// memory, and no record. An error ends the sequence: the directory or a segment could not be read at all.
func (r *Reader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) { r.records(make(keySet), make(keySet), yield) }
}

// records is Records, and adds to answered and failed the keys of the records that it gives.
func (r *Reader) records(answered, failed keySet, yield func(Record, error) bool) {
	r.Warnings = Warnings{}
	segments, err := segments(r.dir)
	if err != nil {
		yield(Record{}, err)
		return
	}
	var again []string // the segments that hold records with errors
	for _, path := range segments {
		err := r.lines(path, &r.Warnings, func(l line) bool {
			switch {
			case l.Record == nil:
				return true
			case l.Record.Error != nil:
				if len(again) == 0 || again[len(again)-1] != path {
					again = append(again, path)
				}
				return true
			}
			return !answered.add(l.Record.hash()) || yield(*l.Record, nil)
		})
		if errors.Is(err, errStopped) {
			return
		}
		if err != nil {
			yield(Record{}, err)
			return
		}
	}
	r.failures(again, answered, failed, yield)
}

// failures gives the records with errors whose keys are not answered, and adds them to failed.
func (r *Reader) failures(segments []string, answered, failed keySet, yield func(Record, error) bool) {
	var again Warnings // told by the first pass already
	for _, path := range segments {
		err := r.lines(path, &again, func(l line) bool {
			if l.Record == nil || l.Record.Error == nil {
				return true
			}
			hash := l.Record.hash()
			if _, ok := answered[hash]; ok || !failed.add(hash) {
				return true
			}
			return yield(*l.Record, nil)
		})
		if errors.Is(err, errStopped) {
			return
		}
		if err != nil {
			yield(Record{}, err)
			return
		}
	}
}

// Prompts gives the prompts of the run as they stand; one may come several times.
func (r *Reader) Prompts() iter.Seq2[Prompt, error] {
	return func(yield func(Prompt, error) bool) {
		r.Warnings = Warnings{}
		segments, err := segments(r.dir)
		if err != nil {
			yield(Prompt{}, err)
			return
		}
		for _, path := range segments {
			err := r.lines(path, &r.Warnings, func(l line) bool {
				return l.Prompt == nil || yield(*l.Prompt, nil)
			})
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(Prompt{}, err)
				return
			}
		}
	}
}

// Prompts gives the texts of the prompts with those digests in the run in dir, by digest; one that the run
// does not hold is absent.
func Prompts(dir string, digests ...string) (map[string]string, error) {
	want := make(map[string]bool, len(digests))
	for _, d := range digests {
		want[d] = true
	}
	found := make(map[string]string, len(digests))
	for p, err := range NewReader(dir).Prompts() {
		if err != nil {
			return nil, err
		}
		if want[p.Digest] {
			found[p.Digest] = p.Text
		}
		if len(found) == len(want) {
			break
		}
	}
	return found, nil
}

// segments lists the paths of the segments in dir, sorted, each once where it stands plain and compressed.
func segments(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &hintedError{
			err:  fmt.Errorf("read run directory: %w", err),
			hint: "give the directory that `onset run -o DIR` wrote",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read run directory: %w", err)
	}
	var paths []string
	for _, e := range entries { // sorted by name, so that plain comes before compressed
		base := strings.TrimSuffix(e.Name(), zstdExt)
		if !strings.HasPrefix(base, "records-") || !strings.HasSuffix(base, plainExt) || e.IsDir() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if base != e.Name() && len(paths) > 0 && paths[len(paths)-1]+zstdExt == path {
			paths[len(paths)-1] = path // the compressed one is complete, for it came to be by renaming
			continue
		}
		paths = append(paths, path)
	}
	return paths, nil
}

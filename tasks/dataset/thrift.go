package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// The Parquet library trusts the sizes in a footer and in page headers, so that a file of a few bytes could
// ask for gigabytes. This file reads those sizes first, in Thrift's compact protocol
// (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md).

// Bounds that no honest file of rows reaches.
const (
	maxPage       = 256 << 20 // bytes of a page when decompressed
	maxPageValues = 1 << 24
	maxHeader     = 64 << 10 // bytes of a page header, which holds the extremes of its values
	maxNesting    = 32
)

var errThrift = errors.New("the Parquet metadata are malformed")

// checkFooter walks the footer, whose lists must not be longer than the bytes that hold them.
func checkFooter(r io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return errors.New("it is no Parquet file: it is too short")
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	if string(tail[4:]) != "PAR1" {
		return errors.New("it is no Parquet file, or it is cut off: it does not end in PAR1")
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > size-12 {
		return errors.New("the Parquet footer is longer than the file")
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, size-8-n); err != nil {
		return err
	}
	return (&thriftWalk{b: footer}).structure(0, nil)
}

// checkPages walks the page headers of a column chunk.
func checkPages(r io.ReaderAt, size int64, meta format.ColumnMetaData) error {
	at := meta.DataPageOffset
	if d := meta.DictionaryPageOffset; d > 0 && d < at {
		at = d
	}
	length := meta.TotalCompressedSize
	if at < 0 || length < 0 || at > size || length > size-at {
		return errors.New("a column lies outside of the file")
	}
	buf := make([]byte, 256)
	for end := at + length; at < end; {
		page, err := readPageHeader(r, at, end, &buf)
		if err != nil {
			return err
		}
		if page.compressed < 0 || page.compressed > end-at-page.header {
			return errors.New("a page is longer than its column")
		}
		if page.plain < 0 || page.plain > maxPage || page.values < 0 || page.values > maxPageValues {
			return fmt.Errorf("a page of %d bytes and %d values is beyond what is read", page.plain, page.values)
		}
		if meta.Codec != format.Zstd && meta.Codec != format.Brotli && page.plain > 1<<20+1100*page.compressed {
			return errors.New("a page claims more bytes than its compression can give")
		}
		at += page.header + page.compressed
	}
	return nil
}

type pageHeader struct{ header, plain, compressed, values int64 }

// readPageHeader reads the header at an offset with as few bytes as it takes.
func readPageHeader(r io.ReaderAt, at, end int64, buf *[]byte) (pageHeader, error) {
	for {
		b := (*buf)[:min(int64(len(*buf)), end-at)]
		if _, err := r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			return pageHeader{}, err
		}
		var p pageHeader
		w := &thriftWalk{b: b}
		err := w.structure(0, func(path [2]int16, v int64) {
			switch path {
			case [2]int16{0, 2}:
				p.plain = v
			case [2]int16{0, 3}:
				p.compressed = v
			case [2]int16{5, 1}, [2]int16{7, 1}, [2]int16{8, 1}:
				p.values = v
			}
		})
		if err == nil {
			p.header = int64(w.at)
			return p, nil
		}
		if int64(len(b)) == end-at || len(*buf) >= maxHeader {
			return p, err
		}
		*buf = make([]byte, 4*len(*buf))
	}
}

// checkGroup walks the page headers of a row group's columns.
func checkGroup(p *parquet.File, group int) error {
	for _, c := range p.Metadata().RowGroups[group].Columns {
		if err := checkPages(p, p.Size(), c.MetaData); err != nil {
			return err
		}
	}
	return nil
}

// thriftWalk skips through a structure.
type thriftWalk struct {
	b  []byte
	at int
	in int16 // the field of the outermost structure that is being read; 0 at its own level
}

func (w *thriftWalk) byte() (byte, error) {
	if w.at >= len(w.b) {
		return 0, errThrift
	}
	w.at++
	return w.b[w.at-1], nil
}

func (w *thriftWalk) uvarint() (uint64, error) {
	v, n := binary.Uvarint(w.b[w.at:])
	if n <= 0 {
		return 0, errThrift
	}
	w.at += n
	return v, nil
}

func (w *thriftWalk) skip(n uint64) error {
	if n > uint64(len(w.b)-w.at) {
		return errThrift
	}
	w.at += int(n)
	return nil
}

// structure skips a structure. found gets the integers of the outermost structure, at path {0, field}, and
// of those right in it, at path {outer field, field}.
func (w *thriftWalk) structure(depth int, found func(path [2]int16, v int64)) error {
	if depth > maxNesting {
		return errThrift
	}
	field := int16(0)
	for {
		h, err := w.byte()
		if err != nil || h == 0 {
			return err
		}
		if delta := int16(h >> 4); delta != 0 {
			field += delta
		} else {
			v, err := w.uvarint()
			if err != nil {
				return err
			}
			field = int16(v>>1) ^ -int16(v&1)
		}
		if depth == 0 {
			w.in = field
		}
		if err := w.value(h&15, depth, field, found, true); err != nil {
			return err
		}
	}
}

func (w *thriftWalk) value(kind byte, depth int, field int16, found func(path [2]int16, v int64), inField bool) error {
	switch kind {
	case 1, 2: // a boolean, whose value is its type in a field and a byte in a list
		if inField {
			return nil
		}
		return w.skip(1)
	case 3:
		return w.skip(1)
	case 4, 5, 6:
		v, err := w.uvarint()
		if found != nil && depth < 2 && err == nil {
			path := [2]int16{0, field}
			if depth == 1 {
				path[0] = w.in
			}
			found(path, int64(v>>1)^-int64(v&1))
		}
		return err
	case 7:
		return w.skip(8)
	case 8:
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case 9, 10:
		return w.list(depth)
	case 12:
		return w.structure(depth+1, found)
	}
	return errThrift
}

func (w *thriftWalk) list(depth int) error {
	h, err := w.byte()
	if err != nil {
		return err
	}
	n := uint64(h >> 4)
	if n == 15 {
		if n, err = w.uvarint(); err != nil {
			return err
		}
	}
	if n > uint64(len(w.b)-w.at) {
		return errThrift
	}
	for range n {
		if err := w.value(h&15, depth+1, 0, nil, false); err != nil {
			return err
		}
	}
	return nil
}

package runlog

import (
	"crypto/sha256"
	"encoding/binary"
)

// keyHash is 128 bits of SHA-256 over a Key: among 10⁹ keys two are equal with a chance of 10⁻²¹.
type keyHash [16]byte

func (k Key) hash() keyHash {
	buf := make([]byte, 0, 256)
	for _, s := range [...]string{k.Model, k.Task, string(k.Style), k.Sample} {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	buf = binary.AppendVarint(buf, int64(k.Shots))
	buf = binary.AppendUvarint(buf, k.Seed)
	buf = binary.AppendVarint(buf, int64(k.Draw))
	sum := sha256.Sum256(buf)
	return keyHash(sum[:16])
}

// keySet is a set of keys.
type keySet map[keyHash]struct{}

// add adds k and reports whether it is new.
func (s keySet) add(k keyHash) bool {
	n := len(s)
	s[k] = struct{}{}
	return len(s) > n
}

// Done tells which keys of a run have records: what a resume need not ask again. It keeps 128 bits a key,
// about 36 MB a million keys.
type Done struct {
	answered, failed keySet
	cells            map[Key]CellSum // by key without sample and draw
}

// CellSum tells which samples and draws of a cell have records, as a count and a sum of their hashes: two sets with equal
// sums are equal but for a chance of 10⁻¹⁹.
type CellSum struct {
	N   int
	Sum uint64
}

// Add adds the sample and draw of k.
func (c *CellSum) Add(k Key) {
	h := Key{Sample: k.Sample, Draw: k.Draw}.hash()
	c.N++
	c.Sum += binary.LittleEndian.Uint64(h[:])
}

// Cell gives the key of the cell that k is in: k without sample and draw.
func (k Key) Cell() Key {
	k.Sample, k.Draw = "", 0
	return k
}

// Keys reads which keys the run in dir has records of, with what it could not read.
func Keys(dir string) (*Done, Warnings, error) {
	d := &Done{answered: make(keySet), failed: make(keySet), cells: make(map[Key]CellSum)}
	r := NewReader(dir)
	r.view = keyView
	var failure error
	r.records(d.answered, d.failed, func(rec Record, err error) bool {
		failure = err
		if err == nil && rec.Error == nil {
			cell := rec.Cell()
			sum := d.cells[cell]
			sum.Add(rec.Key)
			d.cells[cell] = sum
		}
		return err == nil
	})
	if failure != nil {
		return nil, r.Warnings, failure
	}
	return d, r.Warnings, nil
}

// Has reports whether the run has a record of k without an error. A nil Done has none.
func (d *Done) Has(k Key) bool {
	if d == nil {
		return false
	}
	_, ok := d.answered[k.hash()]
	return ok
}

// Cell tells what of the cell that k is in has a record without an error. A nil Done has nothing.
func (d *Done) Cell(k Key) CellSum {
	if d == nil {
		return CellSum{}
	}
	return d.cells[k.Cell()]
}

// Failed reports whether the only record of k is one with an error.
func (d *Done) Failed(k Key) bool {
	if d == nil {
		return false
	}
	_, ok := d.failed[k.hash()]
	return ok
}

// Len counts the keys with records: those answered, and those with errors only.
func (d *Done) Len() (answered, failed int) {
	if d == nil {
		return 0, 0
	}
	return len(d.answered), len(d.failed)
}

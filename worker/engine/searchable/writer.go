package searchable

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"slices"
)

// writer writes objects, and at last says where they lie. Its first error stays.
type writer struct {
	to io.Writer
	// at is the offset of what comes next; next is the number of the next object that is new.
	at   int64
	next int
	// written are the offsets of what was written; generations of objects that are not new are kept.
	written     map[ref]int64
	fingerprint hash.Hash
	err         error
}

// newWriter goes on at an offset, with objects from a number on.
func newWriter(to io.Writer, at int64, next int) *writer {
	return &writer{to: to, at: at, next: next, written: map[ref]int64{}, fingerprint: sha256.New()}
}

func (w *writer) Write(data []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.to.Write(data)
	w.at += int64(n)
	w.fingerprint.Write(data[:n])
	w.err = err
	return n, err
}

// reserve a number for an object that is written later.
func (w *writer) reserve() ref {
	w.next++
	return ref{number: w.next - 1}
}

func (w *writer) put(id ref, o object) {
	w.written[id] = w.at
	head := fmt.Appendf(nil, "%d %d obj\n", id.number, id.generation)
	_, _ = w.Write(append(appendObject(head, o), "\nendobj\n"...))
}

func (w *writer) add(o object) ref {
	id := w.reserve()
	w.put(id, o)
	return id
}

// putStream writes data as they are; the dictionary gets their length.
func (w *writer) putStream(id ref, head dict, length int64, data io.Reader) {
	head["Length"] = integer(length)
	w.written[id] = w.at
	start := fmt.Appendf(nil, "%d %d obj\n", id.number, id.generation)
	_, _ = w.Write(append(appendObject(start, head), "\nstream\n"...))
	if w.err == nil {
		if n, err := io.Copy(w, io.LimitReader(data, length)); err == nil && n != length {
			w.err = io.ErrUnexpectedEOF
		} else if err != nil {
			w.err = err
		}
	}
	_, _ = w.Write([]byte("\nendstream\nendobj\n"))
}

// compressed adds a stream of data, deflated.
func (w *writer) compressed(head dict, data []byte) ref {
	id := w.reserve()
	var deflated bytes.Buffer
	compressor := zlib.NewWriter(&deflated)
	_, _ = compressor.Write(data)
	_ = compressor.Close()
	head["Filter"] = name("FlateDecode")
	w.putStream(id, head, int64(deflated.Len()), &deflated)
	return id
}

// finish writes the cross-references and the trailer. byStream makes them a stream, as those before must be one too.
func (w *writer) finish(trailer dict, byStream bool) error {
	identity := text(w.fingerprint.Sum(nil)[:16])
	first := identity
	if before, ok := trailer["ID"].(array); ok && len(before) == 2 {
		if kept, ok := before[0].(text); ok {
			first = kept
		}
	}
	trailer["ID"] = array{first, identity}
	start := w.at
	if byStream {
		w.finishByStream(trailer)
	} else {
		w.finishByTable(trailer)
	}
	_, _ = fmt.Fprintf(w, "startxref\n%d\n%%%%EOF\n", start)
	return w.err
}

// sections groups what was written by runs of numbers.
func (w *writer) sections() [][]ref {
	ids := make([]ref, 0, len(w.written))
	for id := range w.written {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b ref) int { return a.number - b.number })
	var sections [][]ref
	for i, id := range ids {
		if i == 0 || id.number != ids[i-1].number+1 {
			sections = append(sections, nil)
		}
		last := len(sections) - 1
		sections[last] = append(sections[last], id)
	}
	return sections
}

func (w *writer) finishByTable(trailer dict) {
	trailer["Size"] = integer(int64(w.next))
	var table bytes.Buffer
	table.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for _, section := range w.sections() {
		fmt.Fprintf(&table, "%d %d\n", section[0].number, len(section))
		for _, id := range section {
			fmt.Fprintf(&table, "%010d %05d n \n", w.written[id], id.generation)
		}
	}
	table.WriteString("trailer\n")
	_, _ = w.Write(append(appendObject(table.Bytes(), trailer), '\n'))
}

func (w *writer) finishByStream(head dict) {
	id := w.reserve()
	w.written[id] = w.at
	var rows bytes.Buffer
	var index array
	for _, section := range w.sections() {
		index = append(index, integer(int64(section[0].number)), integer(int64(len(section))))
		for _, member := range section {
			offset := w.written[member]
			rows.WriteByte(1)
			for shift := 56; shift >= 0; shift -= 8 {
				rows.WriteByte(byte(offset >> shift))
			}
			rows.Write([]byte{byte(member.generation >> 8), byte(member.generation)})
		}
	}
	head["Type"], head["Size"] = name("XRef"), integer(int64(w.next))
	head["W"] = array{number("1"), number("8"), number("2")}
	head["Index"] = index
	w.putStream(id, head, int64(rows.Len()), &rows)
}

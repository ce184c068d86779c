package searchable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/filter"
)

// ErrNotContinued: the document cannot be continued by an incremental update, because it is no PDF, damaged or encrypted.
var ErrNotContinued = errors.New("the document cannot be continued")

const (
	// maxObjectBytes bounds one object without its stream, and a table of cross-references.
	maxObjectBytes = 64 << 20
	// maxDecodedBytes bounds what is decoded of one stream. A page's content seldom has a megabyte.
	maxDecodedBytes = 64 << 20
	// maxObjects is beyond what any real document has.
	maxObjects = 8 << 20
)

// file is a PDF whose objects are read when they are asked for, so that memory does not grow with its images.
type file struct {
	content io.ReaderAt
	size    int64
	// start is where the newest section of cross-references lies; byStream tells that it is a stream.
	start    int64
	byStream bool
	trailer  dict
	entries  map[int]entry
	// container is the object stream that was decoded last.
	container objectStream
	// depth of objects that are read because of others.
	depth int
}

// entry says where an object is: at an offset, or in the object stream of a number, at an index. A free object has neither.
type entry struct {
	offset        int64
	inStream, at  int
	generation    int
	free, inIndex bool
}

// openFile reads the document's cross-references. Nothing is repaired: errors are ErrNotContinued.
func openFile(content io.ReaderAt, size int64) (*file, error) {
	f := &file{content: content, size: size, entries: map[int]entry{}}
	head := make([]byte, 5)
	if _, err := content.ReadAt(head, 0); err != nil || string(head) != "%PDF-" {
		// Offsets count from the header, on which programs do not agree where it is not the beginning.
		return nil, fmt.Errorf("%w: it does not begin as a PDF", ErrNotContinued)
	}
	start, err := f.findStart()
	if err == nil {
		f.start = start
		err = f.readReferences(start)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its cross-references: %w", ErrNotContinued, err)
	}
	if f.trailer["Encrypt"] != nil {
		return nil, fmt.Errorf("%w: it is encrypted", ErrNotContinued)
	}
	return f, nil
}

// findStart reads the offset at the end of the file.
func (f *file) findStart() (int64, error) {
	tail := make([]byte, min(f.size, 2048))
	if _, err := f.content.ReadAt(tail, f.size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	at := bytes.LastIndex(tail, []byte("startxref"))
	if at < 0 || !bytes.Contains(tail[at:], []byte("%%EOF")) {
		return 0, fmt.Errorf("%w: no startxref", errSyntax)
	}
	l := lexer{data: tail, at: at + len("startxref")}
	found, err := l.next()
	if err != nil {
		return 0, err
	}
	start, ok := toInt(found)
	if !ok || start < 0 || start >= f.size {
		return 0, fmt.Errorf("%w: startxref points nowhere", errSyntax)
	}
	return start, nil
}

// readReferences reads sections from the newest to the oldest.
func (f *file) readReferences(start int64) error {
	seen := map[int64]bool{}
	pending := []int64{start}
	for len(pending) > 0 {
		offset := pending[0]
		pending = pending[1:]
		if seen[offset] || offset < 0 || offset >= f.size {
			return fmt.Errorf("%w: a section at %d", errSyntax, offset)
		}
		seen[offset] = true
		trailer, byStream, err := f.readSection(offset)
		if err != nil {
			return err
		}
		if f.trailer == nil {
			f.trailer, f.byStream = trailer, byStream
		}
		for _, key := range []name{"XRefStm", "Prev"} {
			if byStream && key == "XRefStm" {
				continue
			}
			if value, there := trailer[key]; there {
				next, ok := toInt(value)
				if !ok {
					return fmt.Errorf("%w: %s is no offset", errSyntax, key)
				}
				pending = append(pending, next)
			}
		}
	}
	return nil
}

func (f *file) readSection(offset int64) (trailer dict, byStream bool, err error) {
	err = f.window(offset, func(l *lexer) error {
		first, err := l.next()
		if err != nil {
			return err
		}
		if byStream = first != keyword("xref"); byStream {
			return nil
		}
		trailer, err = f.readTable(l)
		return err
	})
	if err == nil && byStream {
		trailer, err = f.readReferenceStream(offset)
	}
	return trailer, byStream, err
}

// window has use read from an offset, again with more data until that is enough.
func (f *file) window(offset int64, use func(*lexer) error) error {
	for size := int64(4 << 10); ; size *= 4 {
		data := make([]byte, min(size, f.size-offset))
		if _, err := f.content.ReadAt(data, offset); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		err := use(&lexer{data: data})
		if !errors.Is(err, errShort) || int64(len(data)) == f.size-offset || size > maxObjectBytes {
			return err
		}
	}
}

func (f *file) readTable(l *lexer) (dict, error) {
	found := map[int]entry{}
	for {
		token, err := l.next()
		if err != nil {
			return nil, err
		}
		if token == keyword("trailer") {
			break
		}
		first, ok := toInt(token)
		count, err := l.integer()
		if err != nil {
			return nil, err
		}
		if !ok || first < 0 || count < 0 || first+count > maxObjects {
			return nil, fmt.Errorf("%w: a table of cross-references", errSyntax)
		}
		for i := range count {
			offset, err := l.integer()
			if err != nil {
				return nil, err
			}
			generation, err := l.integer()
			if err != nil {
				return nil, err
			}
			kind, err := l.next()
			if err != nil {
				return nil, err
			}
			found[int(first+i)] = entry{offset: offset, generation: int(generation), free: kind != keyword("n")}
		}
	}
	made, err := l.next()
	if err != nil {
		return nil, err
	}
	trailer, ok := made.(dict)
	if !ok {
		return nil, fmt.Errorf("%w: the trailer is no dictionary", errSyntax)
	}
	for number, e := range found {
		f.know(number, e)
	}
	return trailer, nil
}

func (l *lexer) integer() (int64, error) {
	token, err := l.next()
	if err != nil {
		return 0, err
	}
	value, ok := toInt(token)
	if !ok {
		return 0, fmt.Errorf("%w: no whole number", errSyntax)
	}
	return value, nil
}

// know an entry unless a newer section had one.
func (f *file) know(number int, e entry) {
	if _, newer := f.entries[number]; !newer {
		f.entries[number] = e
	}
}

func (f *file) readReferenceStream(offset int64) (dict, error) {
	_, made, err := f.objectAt(offset)
	if err != nil {
		return nil, err
	}
	s, ok := made.(*stream)
	if !ok || s.dict["Type"] != name("XRef") {
		return nil, fmt.Errorf("%w: no cross-references at %d", errSyntax, offset)
	}
	data, err := f.decode(s)
	if err != nil {
		return nil, err
	}
	var widths [3]int
	fields, _ := s.dict["W"].(array)
	if len(fields) < len(widths) {
		return nil, fmt.Errorf("%w: widths of cross-references", errSyntax)
	}
	row := 0
	for i := range widths {
		width, ok := toInt(fields[i])
		if !ok || width < 0 || width > 8 {
			return nil, fmt.Errorf("%w: widths of cross-references", errSyntax)
		}
		widths[i] = int(width)
		row += int(width)
	}
	index, _ := s.dict["Index"].(array)
	if index == nil {
		index = array{number("0"), s.dict["Size"]}
	}
	for i := 0; i+1 < len(index); i += 2 {
		first, ok1 := toInt(index[i])
		count, ok2 := toInt(index[i+1])
		if !ok1 || !ok2 || first < 0 || count < 0 || first+count > maxObjects || row == 0 {
			return nil, fmt.Errorf("%w: index of cross-references", errSyntax)
		}
		for n := first; n < first+count && len(data) >= row; n++ {
			f.know(int(n), entryOf(data[:row], widths))
			data = data[row:]
		}
	}
	return s.dict, nil
}

func entryOf(row []byte, widths [3]int) entry {
	values := [3]int64{1, 0, 0}
	for i, width := range widths {
		if width > 0 {
			values[i] = 0
		}
		for _, b := range row[:width] {
			values[i] = values[i]<<8 | int64(b)
		}
		row = row[width:]
	}
	switch values[0] {
	case 1:
		return entry{offset: values[1], generation: int(values[2])}
	case 2:
		return entry{inIndex: true, inStream: int(values[1]), at: int(values[2])}
	default:
		return entry{free: true}
	}
}

// objectAt reads the indirect object at an offset.
func (f *file) objectAt(offset int64) (id ref, made object, err error) {
	if offset <= 0 || offset >= f.size {
		return ref{}, nil, fmt.Errorf("%w: an object at %d", errSyntax, offset)
	}
	err = f.window(offset, func(l *lexer) error {
		number, err := l.integer()
		if err != nil {
			return err
		}
		generation, err := l.integer()
		if err != nil {
			return err
		}
		word, err := l.next()
		if err != nil {
			return err
		}
		if word != keyword("obj") {
			return fmt.Errorf("%w: no object at %d", errSyntax, offset)
		}
		id = ref{int(number), int(generation)}
		if made, err = l.next(); err != nil {
			return err
		}
		if word, ok := made.(keyword); ok {
			if word != "endobj" {
				return fmt.Errorf("%w: a keyword as an object", errSyntax)
			}
			made = nil
			return nil
		}
		head, ok := made.(dict)
		if !ok {
			return nil
		}
		after, err := l.next()
		if err != nil || after != keyword("stream") {
			return err
		}
		if l.at+2 > len(l.data) {
			return errShort
		}
		if l.data[l.at] == '\r' {
			l.at++
		}
		if l.data[l.at] == '\n' {
			l.at++
		}
		made = &stream{dict: head, offset: offset + int64(l.at)}
		return nil
	})
	return id, made, err
}

// resolve follows references to an object that is none. What does not exist is null.
func (f *file) resolve(o object) (object, error) {
	for range 32 {
		target, ok := o.(ref)
		if !ok {
			return o, nil
		}
		var err error
		if o, err = f.get(target); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: a reference to itself", errSyntax)
}

func (f *file) get(target ref) (object, error) {
	e, ok := f.entries[target.number]
	if !ok || e.free {
		return nil, nil
	}
	// The length of an object stream may be said to lie in that stream.
	if f.depth++; f.depth > maxNesting {
		return nil, fmt.Errorf("%w: objects in a circle", errSyntax)
	}
	defer func() { f.depth-- }()
	if e.inIndex {
		return f.getContained(target, e)
	}
	id, made, err := f.objectAt(e.offset)
	if err != nil {
		return nil, err
	}
	if id.number != target.number {
		return nil, fmt.Errorf("%w: object %d where %d should be", errSyntax, id.number, target.number)
	}
	return made, nil
}

// objectStream is a decoded object stream.
type objectStream struct {
	number  int
	data    []byte
	offsets map[int]int
}

func (f *file) getContained(target ref, e entry) (object, error) {
	if f.container.offsets == nil || f.container.number != e.inStream {
		if err := f.openContainer(e.inStream); err != nil {
			return nil, err
		}
	}
	offset, ok := f.container.offsets[target.number]
	if !ok {
		return nil, fmt.Errorf("%w: object %d is not in its stream", errSyntax, target.number)
	}
	l := lexer{data: f.container.data, at: offset}
	return l.next()
}

func (f *file) openContainer(number int) error {
	where, ok := f.entries[number]
	if !ok || where.free || where.inIndex {
		return fmt.Errorf("%w: object stream %d", errSyntax, number)
	}
	id, made, err := f.objectAt(where.offset)
	if err != nil {
		return err
	}
	s, ok := made.(*stream)
	if !ok || id.number != number {
		return fmt.Errorf("%w: object stream %d", errSyntax, number)
	}
	data, err := f.decode(s)
	if err != nil {
		return err
	}
	first, ok1 := f.int(s.dict["First"])
	count, ok2 := f.int(s.dict["N"])
	if !ok1 || !ok2 || first < 0 || first > int64(len(data)) || count < 0 || count > maxObjects {
		return fmt.Errorf("%w: object stream %d", errSyntax, number)
	}
	offsets := map[int]int{}
	l := lexer{data: append(data[:first:first], '\n')}
	for range count {
		member, err := l.integer()
		if err != nil {
			return err
		}
		offset, err := l.integer()
		if err != nil {
			return err
		}
		if offset < 0 || first+offset > int64(len(data)) {
			return fmt.Errorf("%w: object stream %d", errSyntax, number)
		}
		offsets[int(member)] = int(first + offset)
	}
	// The line's end completes a number that the data end with.
	f.container = objectStream{number: number, data: append(data, '\n'), offsets: offsets}
	return nil
}

func (f *file) int(o object) (int64, bool) {
	o, err := f.resolve(o)
	if err != nil {
		return 0, false
	}
	return toInt(o)
}

func (f *file) dict(o object) dict {
	switch o, _ := f.resolve(o); o := o.(type) {
	case dict:
		return o
	case *stream:
		return o.dict
	}
	return nil
}

// raw is the stream's data as it is stored.
func (f *file) raw(s *stream) ([]byte, error) {
	length, ok := f.int(s.dict["Length"])
	if !ok || length < 0 || length > maxDecodedBytes || s.offset+length > f.size {
		return nil, fmt.Errorf("%w: a stream's length", errSyntax)
	}
	data := make([]byte, length+16)
	n, err := f.content.ReadAt(data, s.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if int64(n) < length || !strings.HasPrefix(strings.TrimLeft(string(data[length:n]), "\r\n \t"), "endstream") {
		return nil, fmt.Errorf("%w: a stream's length", errSyntax)
	}
	return data[:length], nil
}

// decode a stream through its filters, which must not be those of images.
func (f *file) decode(s *stream) ([]byte, error) {
	data, err := f.raw(s)
	if err != nil {
		return nil, err
	}
	names, err := f.list(s.dict["Filter"])
	if err != nil {
		return nil, err
	}
	parameters, err := f.list(s.dict["DecodeParms"])
	if err != nil {
		return nil, err
	}
	for i, o := range names {
		filterName, _ := o.(name)
		values := map[string]int{}
		if i < len(parameters) {
			for key, value := range f.dict(parameters[i]) {
				if number, ok := f.int(value); ok {
					values[string(key)] = int(number)
				}
			}
		}
		if data, err = decodeFilter(filterName, values, data); err != nil {
			return nil, fmt.Errorf("decode a stream: %w", err)
		}
	}
	return data, nil
}

func decodeFilter(filterName name, parameters map[string]int, data []byte) ([]byte, error) {
	if long, ok := filterAbbreviations[filterName]; ok {
		filterName = long
	}
	switch filterName {
	case filter.Flate, filter.LZW, filter.ASCII85, filter.ASCIIHex, filter.RunLength:
	default:
		return nil, filter.ErrUnsupportedFilter
	}
	decoder, err := filter.NewFilter(string(filterName), parameters, maxDecodedBytes)
	if err != nil {
		return nil, err
	}
	decoded, err := decoder.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(decoded)
}

var filterAbbreviations = map[name]name{"Fl": filter.Flate, "LZW": filter.LZW, "A85": filter.ASCII85, "AHx": filter.ASCIIHex, "RL": filter.RunLength}

// list is an array's resolved items, a single object, or nothing of null.
func (f *file) list(o object) (array, error) {
	o, err := f.resolve(o)
	if err != nil || o == nil {
		return nil, err
	}
	items, ok := o.(array)
	if !ok {
		return array{o}, nil
	}
	resolved := make(array, len(items))
	for i, item := range items {
		if resolved[i], err = f.resolve(item); err != nil {
			return nil, err
		}
	}
	return resolved, nil
}

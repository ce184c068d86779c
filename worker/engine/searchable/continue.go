// Package searchable makes PDFs whose pages can be searched: it lays recognised text, invisibly, over documents. A PDF is
// continued by an incremental update (ISO 32000-1, 7.5.6), so that its own bytes stay what they are; an image becomes a PDF
// that holds it as it is.
//
// It reads what customers sent, so it belongs into the engine's process alone.
package searchable

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/openplp/khocr/internal/document"
)

// Results hands out the result of a page by its number, from 1; nil where it has none.
type Results func(number int) (*document.Page, error)

// Continue writes what has to follow a PDF of the given size in bytes to make its recognised pages searchable; nothing where
// it has none. pages is the number of pages that it is known to have. Text that such a page already has, invisibly, is taken
// off. The error is ErrNotContinued where the document cannot be continued.
func Continue(content io.ReaderAt, size int64, pages int, results Results, to io.Writer) error {
	f, err := openFile(content, size)
	if err != nil {
		return err
	}
	next := 1
	for number := range f.entries {
		next = max(next, number+1)
	}
	if declared, ok := f.int(f.trailer["Size"]); ok && declared < maxObjects {
		next = max(next, int(declared))
	}
	update := &update{file: f, writer: newWriter(to, size, next)}
	number := 0
	err = f.pages(func(page *pdfPage) error {
		number++
		result, err := results(number)
		if err != nil {
			return fmt.Errorf("read the result of page %d: %w", number, err)
		}
		if result == nil || result.Source == document.SourceNative || result.Source == document.SourceNone {
			return nil
		}
		if err := update.page(page, result); err != nil {
			return fmt.Errorf("%w: page %d: %w", ErrNotContinued, number, err)
		}
		return nil
	})
	switch {
	case update.writer.err != nil:
		return fmt.Errorf("write: %w", update.writer.err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotContinued, err)
	case number != pages:
		return fmt.Errorf("%w: it has %d pages by its tree, and %d were found", ErrNotContinued, number, pages)
	}
	return update.finish()
}

// update is an incremental update that is being written.
type update struct {
	*file
	writer *writer
	// font is the reference to the layers' font; nil before the first layer.
	font *ref
	// open and close are the streams that say of what they enclose that it is no text; set with the font.
	open, close ref
}

// noTextOpen and noTextClose enclose content whose text is not to be extracted, because the layer has what can be seen of it. Visible text whose
// characters are wrong would be found beside the right one otherwise.
const noTextOpen, noTextClose = "/Span <</ActualText <feff>>> BDC\n", "EMC\n"

// page writes a new version of a page, with the layer in front of its content: there nothing has changed the state of the
// graphics, and what is invisible covers nothing.
func (u *update) page(page *pdfPage, result *document.Page) error {
	resources := maps.Clone(u.dict(page.resources))
	if resources == nil {
		resources = dict{}
	}
	contents, changed, err := u.visible(page, resources)
	if err != nil {
		return err
	}
	if len(result.Lines) == 0 && !changed {
		return nil
	}
	if u.font == nil {
		u.begin()
		font := u.writer.writeFont()
		u.font = &font
		u.open = u.writer.compressed(dict{}, []byte(noTextOpen))
		u.close = u.writer.compressed(dict{}, []byte(noTextClose))
	}
	fonts := maps.Clone(u.dict(resources["Font"]))
	if fonts == nil {
		fonts = dict{}
	}
	own := name("KhOCR")
	for fonts[own] != nil {
		own += "x"
	}
	fonts[own] = *u.font
	resources["Font"] = fonts

	toPage := u.geometry(page).fromUpright(result.Width, result.Height, result.Rotation)
	shown := u.writer.compressed(dict{}, layer(result, toPage, own))
	version := maps.Clone(page.dict)
	version["Resources"] = resources
	version["Contents"] = slices.Concat(array{shown, u.open}, contents, array{u.close})
	u.writer.put(page.id, version)
	return u.writer.err
}

func (u *update) finish() error {
	if len(u.writer.written) == 0 {
		return u.writer.err
	}
	trailer := maps.Clone(u.trailer)
	for _, key := range []name{"XRefStm", "Length", "Filter", "DecodeParms", "W", "Index", "Type"} {
		delete(trailer, key)
	}
	trailer["Prev"] = integer(u.start)
	if identity, err := u.list(trailer["ID"]); err == nil {
		trailer["ID"] = identity
	}
	if err := u.writer.finish(trailer, u.byStream); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// visible is the page's content without the text that is invisible: its own streams where there is none. The resources are
// changed where forms are.
func (u *update) visible(page *pdfPage, resources dict) (contents array, changed bool, err error) {
	parts, err := u.contents(page)
	if err != nil {
		return nil, false, err
	}
	var whole bytes.Buffer
	for _, part := range parts {
		made, err := u.resolve(part)
		if err != nil {
			return nil, false, err
		}
		if s, ok := made.(*stream); ok {
			data, err := u.decode(s)
			if err != nil {
				return nil, false, err
			}
			whole.Write(data)
			whole.WriteByte('\n')
		}
	}
	shown, hidden, forms := withoutHidden(whole.Bytes())
	changedForms, err := u.forms(forms, resources, 0)
	if err != nil {
		return nil, false, err
	}
	if !hidden {
		return parts, changedForms, nil
	}
	u.begin()
	return array{u.writer.compressed(dict{}, shown)}, true, nil
}

// begin the update on a line of its own.
func (u *update) begin() {
	if u.writer.at == u.size {
		_, _ = u.writer.Write([]byte("\n"))
	}
}

// contents are the references to the streams of a page's content.
func (u *update) contents(page *pdfPage) (array, error) {
	made, err := u.resolve(page.dict["Contents"])
	if err != nil {
		return nil, err
	}
	switch made := made.(type) {
	case nil:
		return nil, nil
	case array:
		return slices.Clone(made), nil
	case *stream:
		return array{page.dict["Contents"]}, nil
	default:
		return nil, fmt.Errorf("%w: contents of a page", errSyntax)
	}
}

// maxForms is how deep forms inside forms are looked into.
const maxForms = 4

// forms takes invisible text off the named forms among the resources, and puts the changed ones into their place.
func (u *update) forms(named []name, resources dict, depth int) (changed bool, err error) {
	objects := u.dict(resources["XObject"])
	if len(named) == 0 || objects == nil || depth > maxForms {
		return false, nil
	}
	replaced := maps.Clone(objects)
	for _, key := range named {
		made, err := u.resolve(objects[key])
		if err != nil {
			return false, err
		}
		form, ok := made.(*stream)
		if !ok || form.dict["Subtype"] != name("Form") {
			continue
		}
		data, err := u.decode(form)
		if err != nil {
			return false, err
		}
		shown, hidden, inner := withoutHidden(data)
		own := maps.Clone(u.dict(form.dict["Resources"]))
		changedInner, err := u.forms(inner, own, depth+1)
		if err != nil {
			return false, err
		}
		if !hidden && !changedInner {
			continue
		}
		version := maps.Clone(form.dict)
		delete(version, "DecodeParms")
		if own != nil {
			version["Resources"] = own
		}
		u.begin()
		replaced[key] = u.writer.compressed(version, shown)
		changed = true
	}
	if changed {
		resources["XObject"] = replaced
	}
	return changed, nil
}

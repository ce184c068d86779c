package document

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"embed"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"
)

// docxParts are the files of every docx, under their names in it.
//
//go:embed all:docx
var docxParts embed.FS

// renderDocx writes the package with document.xml last, so that pages can flow into it. Without the zip's directory,
// which comes at the very end, a file that was broken off cannot be opened.
func renderDocx(w io.Writer, info Info, pages iter.Seq2[*Page, error]) error {
	archive := docxArchive{zip: zip.NewWriter(w), modified: zipTime(info.FinishedAt)}
	// The fastest level: a third of the default one's time, for a file half as large again (300 pages: 0.6 MB).
	archive.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	if err := archive.addParts(); err != nil {
		return err
	}
	core, err := archive.create("docProps/core.xml")
	if err != nil {
		return err
	}
	if err := writeCoreProperties(core, info); err != nil {
		return err
	}
	part, err := archive.create("word/document.xml")
	if err != nil {
		return err
	}
	body := newDocxBody(part)
	for page, err := range pages {
		if err != nil {
			return err
		}
		if err := body.add(page); err != nil {
			return err
		}
	}
	if err := body.end(); err != nil {
		return err
	}
	return archive.zip.Close()
}

type docxArchive struct {
	zip      *zip.Writer
	modified time.Time
}

func (a docxArchive) create(name string) (io.Writer, error) {
	return a.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.modified})
}

func (a docxArchive) addParts() error {
	parts, err := fs.Sub(docxParts, "docx")
	if err != nil {
		return err
	}
	return fs.WalkDir(parts, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(parts, name)
		if err != nil {
			return err
		}
		w, err := a.create(name)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
}

// zipTime is a moment that a zip can express: its clock starts in 1980.
func zipTime(t time.Time) time.Time {
	if earliest := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); t.Before(earliest) {
		return earliest
	}
	return t.UTC().Truncate(time.Second)
}

// writeCoreProperties names the document and nothing of the machine that made it.
func writeCoreProperties(w io.Writer, info Info) error {
	out := bufio.NewWriter(w)
	out.WriteString(xml.Header +
		`<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"` +
		` xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>`)
	if err := xml.EscapeText(out, []byte(spaced(info.FileName))); err != nil {
		return err
	}
	out.WriteString(`</dc:title>`)
	for _, moment := range []struct {
		name string
		time time.Time
	}{{"created", info.CreatedAt}, {"modified", info.FinishedAt}} {
		if !moment.time.IsZero() {
			fmt.Fprintf(out, `<dcterms:%s xsi:type="dcterms:W3CDTF">%s</dcterms:%[1]s>`,
				moment.name, moment.time.UTC().Format(time.RFC3339))
		}
	}
	out.WriteString(`</cp:coreProperties>`)
	return out.Flush()
}

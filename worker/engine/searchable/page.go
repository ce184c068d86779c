package searchable

import (
	"fmt"
	"math"
)

// pdfPage is a page of a PDF with what it inherits.
type pdfPage struct {
	id   ref
	dict dict
	// resources are those of the page itself, or of the nearest node above that has some.
	resources object
	mediaBox  object
	cropBox   object
	rotate    object
}

// maxDepth of the tree of pages.
const maxDepth = 64

// pages hands the pages to visit, in order.
func (f *file) pages(visit func(*pdfPage) error) error {
	catalog := f.dict(f.trailer["Root"])
	root, ok := catalog["Pages"].(ref)
	if !ok {
		return fmt.Errorf("%w: no tree of pages", errSyntax)
	}
	return f.descend(root, pdfPage{}, map[int]bool{}, 0, visit)
}

func (f *file) descend(id ref, inherited pdfPage, seen map[int]bool, depth int, visit func(*pdfPage) error) error {
	if seen[id.number] || depth > maxDepth {
		return fmt.Errorf("%w: a page that comes twice", errSyntax)
	}
	seen[id.number] = true
	made, err := f.get(id)
	if err != nil {
		return err
	}
	node, ok := made.(dict)
	if !ok {
		return fmt.Errorf("%w: page %d is no dictionary", errSyntax, id.number)
	}
	for key, value := range map[name]*object{
		"Resources": &inherited.resources, "MediaBox": &inherited.mediaBox, "CropBox": &inherited.cropBox, "Rotate": &inherited.rotate,
	} {
		if own, there := node[key]; there {
			*value = own
		}
	}
	if node["Kids"] == nil {
		inherited.id, inherited.dict = id, node
		return visit(&inherited)
	}
	kids, err := f.resolve(node["Kids"])
	if err != nil {
		return err
	}
	list, ok := kids.(array)
	if !ok {
		return fmt.Errorf("%w: kids of a page", errSyntax)
	}
	for _, kid := range list {
		child, ok := kid.(ref)
		if !ok {
			return fmt.Errorf("%w: kids of a page", errSyntax)
		}
		if err := f.descend(child, inherited, seen, depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}

// rectangle is left, bottom, right, top in units of the page.
type rectangle [4]float64

// defaultBox is MuPDF's for pages that do not say how large they are.
var defaultBox = rectangle{0, 0, 612, 792}

func (r rectangle) empty() bool { return r[0] >= r[2] || r[1] >= r[3] }

func (f *file) rectangle(o object) (rectangle, bool) {
	items, err := f.list(o)
	if err != nil || len(items) != 4 {
		return rectangle{}, false
	}
	var r rectangle
	for i, item := range items {
		value, ok := toFloat(item)
		if !ok {
			return rectangle{}, false
		}
		r[i] = value
	}
	return rectangle{min(r[0], r[2]), min(r[1], r[3]), max(r[0], r[2]), max(r[1], r[3])}, true
}

// geometry is how a page is shown: which part of it, how large, and how it is turned.
type geometry struct {
	box rectangle
	// unit is points to a unit of the page.
	unit float64
	// rotate is the clockwise turn in degrees: 0, 90, 180 or 270.
	rotate int
}

// geometry of a page as MuPDF shows it.
func (f *file) geometry(page *pdfPage) geometry {
	g := geometry{box: defaultBox, unit: 1}
	if box, ok := f.rectangle(page.mediaBox); ok && !box.empty() {
		g.box = box
	}
	if crop, ok := f.rectangle(page.cropBox); ok && !crop.empty() {
		g.box = rectangle{max(g.box[0], crop[0]), max(g.box[1], crop[1]), min(g.box[2], crop[2]), min(g.box[3], crop[3])}
	}
	if unit, err := f.resolve(page.dict["UserUnit"]); err == nil {
		if value, ok := toFloat(unit); ok && value > 0 {
			g.unit = value
		}
	}
	if rotate, err := f.resolve(page.rotate); err == nil {
		if value, ok := toFloat(rotate); ok {
			g.rotate = ((90*int(math.Round(value/90)))%360 + 360) % 360
		}
	}
	return g
}

// shown is the page's size as it is shown, in points.
func (g geometry) shown() (width, height float64) {
	width, height = (g.box[2]-g.box[0])*g.unit, (g.box[3]-g.box[1])*g.unit
	if g.rotate%180 != 0 {
		return height, width
	}
	return width, height
}

// matrix maps x, y to a*x + c*y + e, b*x + d*y + f, as in PDF.
type matrix [6]float64

// then is the matrix that maps by m first, and by next after it.
func (m matrix) then(next matrix) matrix {
	return matrix{
		m[0]*next[0] + m[1]*next[2], m[0]*next[1] + m[1]*next[3],
		m[2]*next[0] + m[3]*next[2], m[2]*next[1] + m[3]*next[3],
		m[4]*next[0] + m[5]*next[2] + next[4], m[4]*next[1] + m[5]*next[3] + next[5],
	}
}

// fromUpright maps places on the upright page, which has the given size in points and its origin in the top left corner, to
// the units of the page. turned is the clockwise turn that made the page as it is shown upright.
func (g geometry) fromUpright(width, height float64, turned int) matrix {
	m := unturn(width, height, turned)
	if turned%180 != 0 {
		width, height = height, width
	}
	// The page was measured in whole pixels.
	w, h := g.shown()
	m = m.then(matrix{w / max(width, 1), 0, 0, h / max(height, 1), 0, 0}).then(unturn(w, h, g.rotate))
	return m.then(matrix{1 / g.unit, 0, 0, -1 / g.unit, g.box[0], g.box[3]})
}

// unturn takes back a clockwise turn that led to a page of the given size. The origin is the top left corner before and
// after.
func unturn(width, height float64, degrees int) matrix {
	switch degrees {
	case 90:
		return matrix{0, -1, 1, 0, 0, width}
	case 180:
		return matrix{-1, 0, 0, -1, width, height}
	case 270:
		return matrix{0, 1, -1, 0, height, 0}
	default:
		return matrix{1, 0, 0, 1, 0, 0}
	}
}

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
)

// Tesseract's files of networks, as src/lstm of Tesseract 5 reads and writes them, little-endian throughout.
const (
	// Bits of a matrix's mode.
	modeInt8, modeDouble = 1, 128
	// ownLearningRates is the bit of a network's flags that says that each layer has one.
	ownLearningRates = 64
	// trainingInt8 is the bit of a recogniser's training flags that says that its weights are of 8 bits.
	trainingInt8 = 1
	// matricesOfLSTM are those of the input and of its three gates. A fifth is there in two dimensions alone, which no model of text has.
	matricesOfLSTM = 4
)

// recogniser is the part lstm of a traineddata.
type recogniser struct {
	network *layer
	// spec describes the network in Tesseract's language for them.
	spec  string
	flags int32
	// rest is what is of no interest here.
	rest []byte
}

// layer of a network, or several of them.
type layer struct {
	kind     string
	states   [3]byte // that a kind follows, whether it trains, and whether it needs to
	flags    int32
	sizes    sizes
	name     string
	geometry []int32
	children []*layer
	matrices []*matrix
	rates    []float32
}

type sizes struct{ Inputs, Outputs, Weights int32 }

// matrix of weights: a row for each output, whose last weight is added to those of the inputs.
type matrix struct {
	mode    uint8
	columns int
	weights []float64
}

func (m *matrix) rows() int { return len(m.weights) / m.columns }

// readFloat reads a recogniser whose weights have 8 bits and a scale for each row as one whose weights are their products: the
// form from which training can go on. It recognises the same.
func readFloat(lstm []byte) (r *recogniser, err error) {
	in := &reader{Reader: bytes.NewReader(lstm)}
	defer func() {
		if failed, ok := recover().(readFailure); ok {
			err = fmt.Errorf("read network at byte %d: %w", len(lstm)-in.Len(), failed.error)
		}
	}()
	r = &recogniser{network: in.layer(), spec: in.text(), flags: in.integer() &^ trainingInt8}
	r.rest, err = io.ReadAll(in)
	return r, err
}

// readFailure is what reader panics with, so that its steps read as the format is laid out.
type readFailure struct{ error }

type reader struct {
	*bytes.Reader
	// depth of the layer that is being read, in others.
	depth int
}

// deepest is more than any network has.
const deepest = 32

func (in *reader) read(value any) {
	if err := binary.Read(in, binary.LittleEndian, value); err != nil {
		panic(readFailure{err})
	}
}

func (in *reader) integer() int32 {
	var value int32
	in.read(&value)
	return value
}

// count of things that have so many bytes each.
func (in *reader) count(what string, size int) int {
	count := int(in.integer())
	if count < 0 || count > in.Len()/size {
		panic(readFailure{fmt.Errorf("%s of %d bytes: %w", what, count*size, io.ErrUnexpectedEOF)})
	}
	return count
}

func (in *reader) text() string {
	text := make([]byte, in.count("a text", 1))
	in.read(text)
	return string(text)
}

func (in *reader) layer() *layer {
	if in.depth++; in.depth > deepest {
		panic(readFailure{fmt.Errorf("more than %d layers in one another", deepest)})
	}
	defer func() { in.depth-- }()
	l := &layer{}
	in.read(&l.states[0])
	l.kind = in.text()
	in.read(l.states[1:])
	l.flags = in.integer()
	in.read(&l.sizes)
	l.name = in.text()
	matrices := 0
	switch l.kind {
	case "Series", "Parallel", "Replicated", "ParBidiLSTM", "DepParUDLSTM", "Par2dLSTM", "RTLReversed", "TTBReversed", "XYTranspose":
		l.children = []*layer{}
		for range in.count("layers", 1) {
			l.children = append(l.children, in.layer())
		}
		if l.flags&ownLearningRates != 0 {
			l.rates = make([]float32, in.count("learning rates", 4))
			in.read(l.rates)
		}
	case "Input":
		l.geometry = make([]int32, 5)
	case "Convolve", "Maxpool", "Reconfig":
		l.geometry = make([]int32, 2)
	case "LSTM", "SummLSTM":
		l.geometry, matrices = make([]int32, 1), matricesOfLSTM // inputs and outputs together
	case "Logistic", "LinLogistic", "LinTanh", "Tanh", "Relu", "Linear", "Softmax", "SoftmaxNoCTC":
		matrices = 1
	default:
		panic(readFailure{fmt.Errorf("a layer of the unknown kind %q", l.kind)})
	}
	in.read(l.geometry)
	for range matrices {
		l.matrices = append(l.matrices, in.matrix())
	}
	return l
}

func (in *reader) matrix() *matrix {
	var mode, empty uint8
	in.read(&mode)
	if mode&(modeInt8|modeDouble) != modeInt8|modeDouble {
		panic(readFailure{fmt.Errorf("a matrix of mode %d, whose weights do not have 8 bits and a scale of 64", mode)})
	}
	rows, columns := in.integer(), in.integer()
	in.read(&empty)
	if rows <= 0 || columns <= 0 || int(rows)*int(columns) > in.Len() {
		panic(readFailure{fmt.Errorf("a matrix of %d x %d: %w", rows, columns, io.ErrUnexpectedEOF)})
	}
	weights := make([]int8, int(rows)*int(columns))
	in.read(weights)
	scales := make([]float64, in.count("scales", 8))
	in.read(scales)
	if len(scales) < int(rows) {
		panic(readFailure{fmt.Errorf("%d scales of %d rows", len(scales), rows)})
	}
	m := &matrix{mode &^ modeInt8, int(columns), make([]float64, len(weights))}
	for i, weight := range weights {
		m.weights[i] = float64(weight) * scales[i/m.columns]
	}
	return m
}

// bytes of the recogniser in a file.
func (r *recogniser) bytes() []byte {
	var out writer
	out.layer(r.network)
	out.text(r.spec)
	out.write(r.flags, r.rest)
	return out.Bytes()
}

type writer struct{ bytes.Buffer }

func (out *writer) write(values ...any) {
	for _, value := range values {
		// Fixed sizes go into a buffer: nothing can fail.
		_ = binary.Write(out, binary.LittleEndian, value)
	}
}

func (out *writer) text(text string) { out.write(int32(len(text)), []byte(text)) }

func (out *writer) layer(l *layer) {
	out.write(l.states[0])
	out.text(l.kind)
	out.write(l.states[1:], l.flags, l.sizes)
	out.text(l.name)
	if l.children != nil {
		out.write(int32(len(l.children)))
		for _, child := range l.children {
			out.layer(child)
		}
		if l.flags&ownLearningRates != 0 {
			out.write(int32(len(l.rates)), l.rates)
		}
	}
	out.write(l.geometry)
	for _, m := range l.matrices {
		out.write(m.mode, int32(m.rows()), int32(m.columns), float64(0), m.weights)
	}
}

// allMatrices of a layer and of all that are in it.
func (l *layer) allMatrices() []*matrix {
	all := slices.Clone(l.matrices)
	for _, child := range l.children {
		all = append(all, child.allMatrices()...)
	}
	return all
}

// mean of recognisers of one shape. Where they were trained from one to the other it makes fewer mistakes than any of them
// (stochastic weight averaging: P. Izmailov and others, "Averaging Weights Leads to Wider Optima and Better Generalization", UAI
// 2018). The first is changed to it.
func mean(recognisers []*recogniser) (*recogniser, error) {
	sums := recognisers[0].network.allMatrices()
	for i, r := range recognisers[1:] {
		matrices := r.network.allMatrices()
		if r.spec != recognisers[0].spec || !slices.EqualFunc(sums, matrices, func(a, b *matrix) bool { return a.columns == b.columns && a.rows() == b.rows() }) {
			return nil, fmt.Errorf("recogniser %d has another shape", i+2)
		}
		for j, m := range matrices {
			for k, weight := range m.weights {
				sums[j].weights[k] += weight
			}
		}
	}
	for _, sum := range sums {
		for k := range sum.weights {
			sum.weights[k] /= float64(len(recognisers))
		}
	}
	return recognisers[0], nil
}

const (
	// newWeight bounds what the weights of new units are at first, as Tesseract's trainer has it.
	newWeight = 0.1
	// most outputs that the last LSTM may have: the largest of Tesseract's own models has half as many.
	most = 1024
)

// widen the last layer but one, an LSTM, to so many outputs. What comes behind does not listen to the new ones at first, nor
// do the old ones: it recognises the same, and has more to learn with (Net2Net: T. Chen and others, "Net2Net: Accelerating Learning via
// Knowledge Transfer", ICLR 2016).
func (r *recogniser) widen(outputs int) error {
	layers := r.network.children
	if len(layers) < 2 || layers[len(layers)-2].kind != "LSTM" || len(layers[len(layers)-1].matrices) != 1 {
		return errors.New("a network that does not end in an LSTM and its characters")
	}
	lstm, characters := layers[len(layers)-2], layers[len(layers)-1]
	inputs, before := int(lstm.sizes.Inputs), int(lstm.sizes.Outputs)
	added := outputs - before
	if added < 0 || outputs > most {
		return fmt.Errorf("its last layer has %d outputs, and %d are wanted, of at most %d", before, outputs, most)
	}
	for _, m := range lstm.matrices {
		if m.rows() != before || m.columns != inputs+before+1 {
			return fmt.Errorf("an LSTM of %d inputs and %d outputs has %d x %d weights", inputs, before, m.rows(), m.columns)
		}
	}
	if m := characters.matrices[0]; m.columns != before+1 {
		return fmt.Errorf("%d weights for each character behind a layer of %d outputs", m.columns, before)
	}
	random := rand.New(rand.NewPCG(uint64(before), uint64(outputs)))
	for _, m := range lstm.matrices {
		rows := m.rows()
		// Behind the inputs and the outputs of the step before, in front of the constant.
		m.insertColumns(inputs+before, added)
		for range added * m.columns {
			m.weights = append(m.weights, newWeight*(2*random.Float64()-1))
		}
		lstm.sizes.Weights += int32(len(m.weights) - rows*(m.columns-added))
	}
	lstm.sizes.Outputs, lstm.geometry[0] = int32(outputs), int32(inputs+outputs)
	characters.matrices[0].insertColumns(before, added)
	characters.sizes.Inputs = int32(outputs)
	characters.sizes.Weights = int32(len(characters.matrices[0].weights))
	r.network.sizes.Weights = 0
	for _, l := range layers {
		r.network.sizes.Weights += l.sizes.Weights
	}
	lstm.name = renamed(lstm.name, before, outputs)
	r.spec = renamed(r.spec, before, outputs)
	return nil
}

// renamed is the name or description of a network whose last LSTM has other outputs.
func renamed(text string, before, after int) string {
	was := fmt.Sprintf("Lfx%d", before)
	at := strings.LastIndex(text, was)
	if at < 0 {
		return text
	}
	return text[:at] + fmt.Sprintf("Lfx%d", after) + text[at+len(was):]
}

// insertColumns of zeros.
func (m *matrix) insertColumns(at, count int) {
	wider := make([]float64, 0, m.rows()*(m.columns+count))
	for row := range slices.Chunk(m.weights, m.columns) {
		wider = append(wider, row[:at]...)
		wider = append(wider, make([]float64, count)...)
		wider = append(wider, row[at:]...)
	}
	m.weights, m.columns = wider, m.columns+count
}

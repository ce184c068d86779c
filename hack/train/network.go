package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

// toFloat rewrites a recogniser (the part lstm of a traineddata) whose weights have 8 bits and a scale for each row as one
// whose weights are their products: the form from which training can go on. It recognises the same.
func toFloat(lstm []byte) (float []byte, err error) {
	return convert(lstm, func([]float64) {})
}

// mean of recognisers of one shape whose weights have 8 bits, as one with numbers with a point. Where they were trained from one to
// the other it makes fewer mistakes than any of them (stochastic weight averaging: P. Izmailov and others, "Averaging Weights Leads to
// Wider Optima and Better Generalization", UAI 2018).
func mean(lstms [][]byte) ([]byte, error) {
	var sums [][]float64
	for i, lstm := range lstms {
		matrix := 0
		_, err := convert(lstm, func(weights []float64) {
			if i == 0 {
				sums = append(sums, make([]float64, len(weights)))
			}
			if matrix < len(sums) && len(sums[matrix]) == len(weights) {
				for j, weight := range weights {
					sums[matrix][j] += weight / float64(len(lstms))
				}
				matrix++
			}
		})
		if err == nil && matrix != len(sums) {
			err = errors.New("it has another shape")
		}
		if err != nil {
			return nil, fmt.Errorf("recogniser %d: %w", i+1, err)
		}
	}
	matrix := 0
	return convert(lstms[0], func(weights []float64) {
		copy(weights, sums[matrix])
		matrix++
	})
}

// convert a recogniser to numbers with a point. change sees the weights of each matrix before they are written, and may change them.
func convert(lstm []byte, change func(weights []float64)) (float []byte, err error) {
	c := &converter{in: bytes.NewReader(lstm), change: change}
	defer func() {
		if failed, ok := recover().(readFailure); ok {
			err = fmt.Errorf("read network at byte %d: %w", len(lstm)-c.in.Len(), failed.error)
		}
	}()
	c.network()
	c.text() // the network's description
	flags := c.integer()
	c.write(flags &^ trainingInt8)
	if _, err := io.Copy(&c.out, c.in); err != nil {
		return nil, err
	}
	return c.out.Bytes(), nil
}

// readFailure is what converter panics with, so that its steps read as the format is laid out.
type readFailure struct{ error }

// converter copies what it reads, except what it changes.
type converter struct {
	in     *bytes.Reader
	out    bytes.Buffer
	change func(weights []float64)
}

func (c *converter) read(value any) {
	if err := binary.Read(c.in, binary.LittleEndian, value); err != nil {
		panic(readFailure{err})
	}
}

func (c *converter) write(value any) {
	if err := binary.Write(&c.out, binary.LittleEndian, value); err != nil {
		panic(readFailure{err})
	}
}

func (c *converter) copy(bytes int) {
	if _, err := io.CopyN(&c.out, c.in, int64(bytes)); err != nil {
		panic(readFailure{err})
	}
}

func (c *converter) integer() int32 {
	var value int32
	c.read(&value)
	return value
}

func (c *converter) text() string {
	length := c.integer()
	if int(length) > c.in.Len() || length < 0 {
		panic(readFailure{fmt.Errorf("a text of %d bytes: %w", length, io.ErrUnexpectedEOF)})
	}
	text := make([]byte, length)
	c.read(text)
	c.write(length)
	c.write(text)
	return string(text)
}

func (c *converter) network() {
	c.copy(1)
	kind := c.text()
	c.copy(2) // whether it trains, and whether it needs to
	flags := c.integer()
	c.write(flags)
	c.copy(3 * 4) // inputs, outputs, weights
	c.text()      // its name
	switch kind {
	case "Series", "Parallel", "Replicated", "ParBidiLSTM", "DepParUDLSTM", "Par2dLSTM", "RTLReversed", "TTBReversed", "XYTranspose":
		children := c.integer()
		c.write(children)
		for range children {
			c.network()
		}
		if flags&ownLearningRates != 0 {
			rates := c.integer()
			c.write(rates)
			c.copy(int(rates) * 4)
		}
	case "Input":
		c.copy(5 * 4)
	case "Convolve", "Maxpool", "Reconfig":
		c.copy(2 * 4)
	case "LSTM", "SummLSTM":
		c.copy(4)
		for range matricesOfLSTM {
			c.matrix()
		}
	case "Logistic", "LinLogistic", "LinTanh", "Tanh", "Relu", "Linear", "Softmax", "SoftmaxNoCTC":
		c.matrix()
	default:
		panic(readFailure{fmt.Errorf("a layer of the unknown kind %q", kind)})
	}
}

func (c *converter) matrix() {
	var mode, empty uint8
	c.read(&mode)
	if mode&modeInt8 == 0 {
		panic(readFailure{fmt.Errorf("a matrix of mode %d, whose weights do not have 8 bits", mode)})
	}
	rows, columns := c.integer(), c.integer()
	c.read(&empty)
	if rows < 0 || columns < 0 || int(rows)*int(columns) > c.in.Len() {
		panic(readFailure{fmt.Errorf("a matrix of %d x %d: %w", rows, columns, io.ErrUnexpectedEOF)})
	}
	weights := make([]int8, int(rows)*int(columns))
	c.read(weights)
	scales := make([]float64, min(int(c.integer()), c.in.Len()/8))
	c.read(scales)
	if len(scales) < int(rows) {
		panic(readFailure{fmt.Errorf("%d scales of %d rows", len(scales), rows)})
	}
	c.write(mode&^modeInt8 | modeDouble)
	c.write(rows)
	c.write(columns)
	c.write(float64(0))
	products := make([]float64, len(weights))
	for i, weight := range weights {
		products[i] = float64(weight) * scales[i/int(columns)]
	}
	c.change(products)
	c.write(products)
}

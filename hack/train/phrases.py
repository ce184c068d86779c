"""Short texts that corpora lack: numbers in both scripts, dates, money, names in Latin, and the marks around them. Each is a
function of a random generator."""
import functools

KHMER_DIGITS = str.maketrans('0123456789', '០១២៣៤៥៦៧៨៩')
MONTHS = 'មករា កុម្ភៈ មីនា មេសា ឧសភា មិថុនា កក្កដា សីហា កញ្ញា តុលា វិច្ឆិកា ធ្នូ'.split()
ENGLISH = '/usr/share/dict/american-english'
FRENCH = '/usr/share/dict/french'
INDEPENDENT = 'ឥឦឧឩឪឫឬឭឮឯឰឱឲឳ'
CONSONANTS = 'កខគឃងចឆជឈញដឋឌឍណតថទធនបផពភមយរលវសហឡអ'
BOUND = '.,:;!?-–/()[]«»“”"\'%&*+=@#_'


@functools.cache
def dictionary(path):
    with open(path, encoding='utf-8') as file:
        return [word for word in file.read().split() if word.isprintable()]


def khmer(rng, text):
    """The same number in Khmer digits, two times of three."""
    return text.translate(KHMER_DIGITS) if rng.random() < 0.67 else text


def digits(rng, least, most):
    return ''.join(str(rng.randrange(10)) for _ in range(rng.randint(least, most)))


def number(rng):
    return khmer(rng, digits(rng, 1, 7))


def decimal(rng):
    return khmer(rng, digits(rng, 1, 3) + rng.choice('.,') + digits(rng, 1, 3))


def thousands(rng):
    mark = rng.choice('.,')
    # Amounts are round more often than not.
    groups = [rng.choice(['000', '000', '500', digits(rng, 3, 3)]) for _ in range(rng.randint(1, 3))]
    return khmer(rng, mark.join([str(rng.randrange(1, 999))] + groups))


def money(rng):
    amount = thousands(rng)
    return rng.choice([amount + '៛', amount + ' ៛', amount + ' រៀល', '$' + amount, amount + ' USD', amount + ' ដុល្លារ'])


def percent(rng):
    return khmer(rng, str(rng.randrange(100))) + rng.choice(['%', ' %', ' ភាគរយ'])


def date(rng):
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1900, 2030)
    return rng.choice([
        khmer(rng, f'{day:02d}/{month:02d}/{year}'), khmer(rng, f'{day}-{month}-{year}'), khmer(rng, f'{day:02d}.{month:02d}.{year}'),
        'ថ្ងៃទី' + khmer(rng, str(day)) + ' ខែ' + rng.choice(MONTHS) + ' ឆ្នាំ' + khmer(rng, str(year)),
        'ថ្ងៃទី ' + khmer(rng, f'{day:02d}') + ' ខែ ' + rng.choice(MONTHS) + ' ឆ្នាំ ' + khmer(rng, str(year)),
        'ព.ស. ' + khmer(rng, str(year + 543)),
    ])


def clock(rng):
    return khmer(rng, f'{rng.randrange(24)}:{rng.randrange(60):02d}')


def phone(rng):
    parts = [digits(rng, 3, 3), digits(rng, 3, 3), digits(rng, 3, 4)]
    return khmer(rng, rng.choice(['0', '+855 ', '(855) ']) + rng.choice([' ', '-', '.']).join(parts))


def article(rng):
    count = khmer(rng, str(rng.randint(1, 1300)))
    return rng.choice(['មាត្រា ', 'មាត្រា', 'ប្រការ ', 'ជំពូកទី', 'ផ្នែកទី ', 'ចំណុចទី', 'លេខ ', 'Article ']) + count + rng.choice(
        ['', '.-', ' .-', '.', ' :', '៖', '._', '-'])


def item(rng):
    mark = rng.choice([khmer(rng, str(rng.randint(1, 40))), rng.choice(CONSONANTS), rng.choice('abcdefghij'), rng.choice('ABCDEFGHIVX'),
                       khmer(rng, f'{rng.randint(1, 9)}.{rng.randint(1, 20)}')])
    return rng.choice(['({})', '{})', '{}.', '{}-', '{}._', '- {}', '{}/', '{} -', '•{}', '[{}]']).format(mark)


def reference(rng):
    return rng.choice(['នស/រកម/', 'អនក្រ.បក ', 'ប្រ.ក ', 'សរ ', 'No ', 'N° ', 'Ref. ']) + khmer(
        rng, f'{digits(rng, 2, 4)}/{digits(rng, 2, 3)}')


def word(rng):
    text = rng.choice(dictionary(ENGLISH if rng.random() < 0.8 else FRENCH))
    return rng.choice([text, text, text.capitalize(), text.capitalize(), text.upper()])


def sentence(rng):
    text = ' '.join(word(rng) for _ in range(rng.randint(2, 8)))
    return text + rng.choice(['', '.', ',', ';', ':', '?', '!'])


def label(rng):
    """What stands before a field of a form, or over a column."""
    text = rng.choice(['ល.រ', 'លេខ', 'ឈ្មោះ', 'ភេទ', 'តួនាទី', 'សរុប', 'ចំនួន', 'តម្លៃ', 'កាលបរិច្ឆេទ', 'អាសយដ្ឋាន', 'ទូរស័ព្ទ', 'ហត្ថលេខា', 'ផ្សេងៗ',
                       'No.', 'Name', 'Total', 'Date', 'Amount', 'Invoice', 'Qty', 'Price', 'Address', 'Tel', 'Fax', 'E-mail', 'N/A', 'ID',
                       word(rng)])
    return text + rng.choice(['', ':', ' :', '៖', ' ៖', '.'])


def letters(rng):
    """A name of capitals, as companies and forms have."""
    text = ''.join(rng.choice('ABCDEFGHIJKLMNOPQRSTUVWXYZ') for _ in range(rng.randint(2, 5)))
    return rng.choice([text, '(' + text + ')', text + '-' + digits(rng, 1, 4), text + digits(rng, 1, 3), '.'.join(text) + '.'])


def address(rng):
    name = rng.choice(dictionary(ENGLISH)).lower().replace("'", '')
    return rng.choice(['{}@{}.com.kh', 'www.{}{}.org', 'https://{}.gov.kh/{}', '{}.{}@gmail.com']).format(
        name, rng.choice(dictionary(ENGLISH)).lower().replace("'", ''))


def bracketed(rng):
    opening, closing = rng.choice(['()', '[]', '«»', '“”', '""', '‘’'])
    return opening + rng.choice([word, number, decimal, sentence, letters])(rng) + closing


def strange(rng):
    """Any characters, so that none is known by its neighbours alone; but ០ and 0 look alike, so a number is in one script."""
    pool = rng.choice(['0123456789', '0123456789', '០១២៣៤៥៦៧៨៩', BOUND, CONSONANTS, INDEPENDENT + CONSONANTS,
                       'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ' + BOUND, 'àâçèéêëîïôöùûü' + 'aeioucn'])
    return ''.join(rng.choice(pool) for _ in range(rng.randint(1, 8)))


def ending(rng):
    return rng.choice(['។', '។', '។ល។', '៕', '៖', 'ៗ', '៛', '៚', '…', '....', '........', '-', '–', '«', '»', '។-', 'ឬ', 'ឮ', 'ឱ្យ', 'ឲ្យ'])


ALL = [number, number, decimal, thousands, money, percent, date, date, clock, phone, article, article, item, item, reference, word, word,
       sentence, letters, label, label, address, bracketed, bracketed, strange, strange, ending, ending]
LATIN = [word, word, sentence, sentence, sentence, letters, label, address, number, decimal, thousands, money, bracketed, strange]
NUMBERS = [number, decimal, thousands, money, percent, date, clock, phone, article, item, reference]

// @ts-check
/** All texts of the page, in English and Russian. */

/**
 * The catalogue: each text in English and in Russian. `{name}` is a value; `{count:photo|photos}` is a word in the form
 * that the number needs: one and other in English; one, few and many in Russian.
 * @type {Record<string, [string, string]>}
 */
export const TEXTS = {
  // Frame
  skip: ['Skip to the picture', 'К картине'],
  nav: ['Views', 'Разделы'],
  'nav.paint': ['Paint', 'Картина'],
  'nav.many': ['Many photos', 'Много фото'],
  'nav.queue': ['Paintings', 'Галерея'],
  'nav.pictures': ['Uploads', 'Файлы'],
  'view.paint': ['Paint', 'Новая картина'],
  'view.many': ['Many photos in one style', 'Много фотографий в одном стиле'],
  'view.queue': ['Paintings', 'Галерея'],
  'view.pictures': ['Uploaded pictures', 'Загруженные изображения'],
  language: ['Language', 'Язык'],
  theme: ['Light or dark', 'Светлая или тёмная тема'],
  messages: ['Messages', 'Сообщения'],
  now: ['Painting: {percent} %', 'Пишется: {percent} %'],
  drop: ['Drop the picture anywhere', 'Отпустите изображение'],
  offline: ['The studio does not answer. Trying again …', 'Студия не отвечает. Пробуем снова…'],
  close: ['Close', 'Закрыть'],
  cancel: ['Cancel', 'Отмена'],
  remove: ['Remove', 'Убрать'],
  more: ['Show more', 'Показать ещё'],
  all: ['Show all styles', 'Показать все стили'],
  fewer: ['Show fewer', 'Показать меньше'],
  photo: ['Photo', 'Фото'],
  painting: ['Painting', 'Картина'],

  // First visit
  welcome: ['Turn a photo into a painting', 'Превратите фотографию в картину'],
  'welcome.drop': ['Drop a photo here', 'Перетащите фотографию сюда'],
  'welcome.or': ['or paste it, or', 'или вставьте её из буфера, или'],
  'welcome.choose': ['Choose a photo', 'Выберите файл'],
  'welcome.style': ['In the style of', 'В стиле'],
  'welcome.texture': ['or paint a texture of a style, without a photo', 'или напишите текстуру стиля без фотографии'],
  'welcome.private': ['Your pictures stay on this computer.', 'Ваши изображения остаются на этом компьютере.'],
  'upload.sending': ['Reading the picture …', 'Читаем изображение…'],
  'upload.left': ['{count} to read', 'осталось {count}'],
  'upload.large': ['The file is too large: {limit} at most.', 'Файл слишком велик: не больше {limit}.'],

  // Controls
  'photo.change': ['Change', 'Заменить'],
  crop: ['Crop', 'Обрезать'],
  style: ['Style', 'Стиль'],
  'style.add': ['Your own', 'Свой стиль'],
  'style.blend': ['Blend several', 'Смешать'],
  texture: ['Texture, without the photo', 'Текстура без фотографии'],
  'texture.seamless': ['Seamless, for tiling', 'Бесшовная, для повторения'],
  'style.own': ['Own style', 'Свой стиль'],
  'style.swirls': ['Swirls', 'Вихри'],
  'style.woodcut': ['Woodcut', 'Гравюра'],
  'style.mosaic': ['Mosaic', 'Мозаика'],
  'style.pointillism': ['Pointillism', 'Пуантилизм'],
  strength: ['Strength', 'Сила стиля'],
  'strength.low': ['a hint', 'намёк'],
  'strength.high': ['all painting', 'сплошная живопись'],
  detail: ['Detail', 'Детали'],
  'detail.low': ['broad forms', 'крупные формы'],
  'detail.high': ['fine brushwork', 'тонкие мазки'],
  strokes: ['Stroke size', 'Размер мазков'],
  'strokes.low': ['small', 'мелкие'],
  'strokes.high': ['large', 'крупные'],
  colour: ['Colours', 'Цвета'],
  'colour.style': ['Of the style', 'Как в стиле'],
  'colour.style.title': ['The colours of the painting', 'Цвета образца'],
  'colour.keep': ['Of the photo', 'Как на фото'],
  'colour.keep.title': ['The photo keeps its own colours', 'Фотография сохраняет свои цвета'],
  'colour.match': ['Blended', 'Смешанные'],
  'colour.match.title': ['The style, recoloured after the photo', 'Стиль, перекрашенный под фотографию'],
  'colour.palette': ['Few', 'Немногие'],
  'colour.palette.title': ['Only the few main colours of the style', 'Только несколько главных цветов стиля'],
  preset: ['Care', 'Тщательность'],
  'preset.instant': ['Instant', 'Сразу'],
  'preset.instant.title': ['A rough painting at once', 'Грубая картина сразу'],
  'preset.quick': ['Quick', 'Быстро'],
  'preset.quick.title': ['A sketch in the shortest time', 'Набросок за самое короткое время'],
  'preset.default': ['Good', 'Хорошо'],
  'preset.default.title': ['A good painting', 'Хорошая картина'],
  'preset.fine': ['Finest', 'Тщательно'],
  'preset.fine.title': ['The best painting; takes some times longer', 'Лучшая картина; в несколько раз дольше'],
  size: ['Long side', 'Длинная сторона'],
  'size.original': ['as the photo ({size} px)', 'как у фото ({size} пикс.)'],
  regions: ['Regions', 'Области'],
  'region.style': ['Where to use {name}', 'Где применять: {name}'],
  'region.part': ['Part of {name} to paint with', 'Чем писать из стиля: {name}'],
  'region.protect': ['Leave as in the photo', 'Оставить как на фото'],
  'region.faces': ['Leave faces as in the photo', 'Не менять лица'],
  'region.draw': ['Draw', 'Рисовать'],
  experts: ['All settings', 'Все настройки'],
  'experts.changed': ['{count} changed', 'изменено: {count}'],
  'experts.hint': ['For experts. An empty field keeps its default.', 'Для знатоков. Пустое поле — значение по умолчанию.'],
  'experts.reset': ['Reset all of these', 'Сбросить все'],
  'experts.default': ['default: {value}', 'по умолчанию: {value}'],
  paint: ['Paint', 'Написать'],
  'preview.caption': ['An instant sketch. “Paint” makes the real picture.', 'Мгновенный набросок. Кнопка «Написать» создаст настоящую картину.'],
  'preview.texture': ['A small sketch. “Paint” makes the real picture.', 'Маленький набросок. Кнопка «Написать» создаст настоящую картину.'],
  'preview.again': ['Sketching anew …', 'Обновляем набросок…'],
  'preview.choose': ['Choose a style to see a sketch at once.', 'Выберите стиль, чтобы сразу увидеть набросок.'],
  'grow.hint': ['Goes on from the smaller painting.', 'Продолжает картину меньшего размера.'],
  'painted.back': ['Its settings are back.', 'Настройки картины восстановлены.'],
  'painted.partly': ['Its settings are back, but not all of its pictures.', 'Настройки восстановлены, но не все изображения.'],
  'painted.photo': ['Use it as a photo', 'Взять как фотографию'],

  // Picture
  'stage.tools': ['View', 'Просмотр'],
  'stage.compare': ['Compare', 'Сравнить'],
  'stage.divider': ['Divider between photo and painting', 'Граница между фото и картиной'],
  'stage.fit': ['Fit', 'Целиком'],
  'stage.smaller': ['Zoom out', 'Уменьшить'],
  'stage.larger': ['Zoom in', 'Увеличить'],
  'stage.pixels': ['Zoom {percent} %. Show pixel for pixel', 'Масштаб {percent} %. Показать пиксель в пиксель'],
  'stage.pixelsTitle': ['Show pixel for pixel', 'Пиксель в пиксель'],
  'stage.first': ['First sketch …', 'Первый набросок…'],
  'stage.keys': ['Plus and minus zoom, arrows move', 'Плюс и минус меняют масштаб, стрелки двигают'],
  'stage.photo': ['Photo {name}', 'Фото {name}'],
  'stage.preview': ['Sketch of {name}', 'Набросок: {name}'],
  'stage.texture': ['Texture', 'Текстура'],
  'stage.job': ['{title}, {percent} %', '{title}, {percent} %'],

  // A painting
  status: ['Progress', 'Ход работы'],
  progress: ['Progress', 'Ход работы'],
  losses: ['Distance from the goal so far: {loss}', 'Расстояние до цели: {loss}'],
  'time.left': ['about {time} left', 'осталось примерно {time}'],
  'state.painting': ['Painting: {percent} %', 'Пишется: {percent} %'],
  'state.queued': ['Waits for {count} other {count:painting|paintings}', 'Ждёт: впереди {count} {count:картина|картины|картин}'],
  'state.starting': ['Getting the brushes …', 'Готовим кисти…'],
  'state.waits': ['waits', 'ждёт'],
  'state.stopping': ['Stopping …', 'Останавливается…'],
  'state.stopped': ['Stopped', 'Остановлена'],
  'state.interrupted': ['Interrupted', 'Прервана'],
  'state.finished': ['Done: {width} × {height} px in {time}', 'Готово: {width} × {height} пикс. за {time}'],
  'state.failed': ['Failed', 'Не удалась'],
  stop: ['Stop', 'Остановить'],
  resume: ['Go on', 'Продолжить'],
  retry: ['Try again', 'Повторить'],
  again: ['Paint again', 'Написать снова'],
  larger: ['Paint larger', 'Написать крупнее'],
  new: ['New painting', 'Новая картина'],
  download: ['Download', 'Скачать'],
  'format.other': ['Other formats', 'Другие форматы'],
  'format.tiff16': ['TIFF, 16 bits', 'TIFF, 16 бит'],
  'format.png16': ['PNG, 16 bits', 'PNG, 16 бит'],
  delete: ['Delete', 'Удалить'],
  'delete.all': ['Delete all', 'Удалить всё'],
  'delete.job': ['Delete this painting for good?', 'Удалить эту картину навсегда?'],
  'delete.batch': ['Delete all of these paintings for good?', 'Удалить все эти картины навсегда?'],
  'delete.history': ['Delete all finished paintings for good?', 'Удалить все готовые картины навсегда?'],
  'delete.picture': ['Delete this picture for good?', 'Удалить это изображение навсегда?'],
  'delete.pictures': ['Delete all uploaded pictures for good?', 'Удалить все загруженные изображения навсегда?'],
  stages: ['Back to', 'Вернуться к'],
  'stage.back': ['Back to {percent} %, and paint on from there', 'Вернуться к {percent} % и продолжить оттуда'],
  'steer.hint': ['Changes take effect at once, from the present picture.', 'Изменения действуют сразу, с текущей картины.'],
  'steer.done': ['The change has taken effect.', 'Изменение применено.'],
  'undo.done': ['Painting goes on from the earlier stage.', 'Работа продолжается с более раннего этапа.'],
  'job.hint': ['Move a slider to begin a new painting from this one.', 'Сдвиньте ползунок, чтобы начать новую картину на основе этой.'],

  // Variants, queue, history, many photos
  variants: ['Variants', 'Варианты'],
  'vary.strength': ['Different strengths', 'Разная сила стиля'],
  'vary.stroke_size': ['Different stroke sizes', 'Разные мазки'],
  'vary.detail': ['Different detail', 'Разные детали'],
  'vary.colour': ['Different colours', 'Разные цвета'],
  'variants.hint': ['Take one on, and paint it large.', 'Выберите вариант и напишите его крупно.'],
  'variant.take': ['Take on', 'Выбрать'],
  'batch.batch': ['Many photos', 'Много фото'],
  'batch.variants': ['Variants', 'Варианты'],
  'batch.progress': ['{done} of {count} done', 'готово {done} из {count}'],
  'batch.missing': ['These paintings are not here any more.', 'Этих картин больше нет.'],
  zip: ['Download as zip', 'Скачать zip'],
  'queue.now': ['In work', 'В работе'],
  'queue.up': ['Earlier', 'Раньше'],
  'queue.down': ['Later', 'Позже'],
  history: ['Finished', 'Готовые'],
  'history.search': ['Search by title or style', 'Поиск по названию или стилю'],
  'history.none': ['No painting has these words.', 'Ничего не найдено.'],
  'history.empty': ['No paintings yet.', 'Картин пока нет.'],
  'many.hint': ['Drop as many photos as you like.', 'Перетащите сюда сколько угодно фотографий.'],
  'many.add': ['Add photos', 'Добавить фото'],
  'many.paint': ['Paint {count} {count:photo|photos}', 'Написать {count} {count:картину|картины|картин}'],
  'many.title': ['{count} {count:photo|photos}', '{count} {count:фотография|фотографии|фотографий}'],
  'many.settings': ['with the settings of “Paint”', 'с настройками раздела «Картина»'],
  'many.batches': ['Earlier', 'Ранее'],
  'pictures.hint': ['They stay in your own folder on this computer.', 'Они хранятся в вашей папке на этом компьютере.'],
  'pictures.disk': ['The studio uses {used} of at most {most}.', 'Студия занимает {used} из {most}.'],
  'pictures.empty': ['Nothing is uploaded.', 'Ничего не загружено.'],
  'pictures.use': ['Paint', 'Написать'],
  'pictures.deleted': ['{deleted} {deleted:picture was|pictures were} deleted.', 'Удалено изображений: {deleted}.'],
  'pictures.kept': ['{deleted} deleted. {kept} {kept:is|are} still needed for a painting.', 'Удалено: {deleted}. Ещё нужны картинам: {kept}.'],
  'kind.photo': ['photo', 'фото'],
  'kind.style': ['style', 'стиль'],
  'kind.mask': ['mask', 'маска'],

  // Masks and crops
  mask: ['Draw a region', 'Нарисуйте область'],
  'mask.for': ['Region', 'Область'],
  'mask.stage': ['Drawing: {label}', 'Область: {label}'],
  'mask.hint': ['Paint over the part. Two fingers or the wheel zoom.', 'Закрасьте нужную часть. Масштаб — двумя пальцами или колесом.'],
  'mask.brush': ['Brush', 'Кисть'],
  'mask.eraser': ['Eraser', 'Ластик'],
  'mask.size': ['Size', 'Размер'],
  'mask.softness': ['Softness', 'Мягкость'],
  'mask.fill': ['Fill', 'Залить'],
  'mask.invert': ['Invert', 'Обратить'],
  'mask.clear': ['Clear', 'Очистить'],
  'mask.upload': ['Upload', 'Загрузить'],
  'mask.faces': ['Faces', 'Лица'],
  'mask.save': ['Use this region', 'Использовать область'],
  'mask.name': ['Mask for {name}', 'Маска для {name}'],
  undo: ['Undo', 'Отменить'],
  redo: ['Redo', 'Вернуть'],
  'crop.angle': ['Straighten', 'Выровнять'],
  'crop.aspect': ['Shape', 'Форма'],
  'crop.free': ['free', 'любая'],
  'crop.apply': ['Crop', 'Обрезать'],
  'crop.move': ['Move the frame', 'Сдвинуть рамку'],
  'crop.left-top': ['Upper left corner', 'Левый верхний угол'],
  'crop.right-top': ['Upper right corner', 'Правый верхний угол'],
  'crop.left-bottom': ['Lower left corner', 'Левый нижний угол'],
  'crop.right-bottom': ['Lower right corner', 'Правый нижний угол'],

  // Errors: the server's own sentence follows in English
  'error.offline': ['The studio does not answer.', 'Студия не отвечает.'],
  'error.no_token': ['Open the address that the studio printed when it started.', 'Откройте адрес, который студия напечатала при запуске.'],
  'error.error': ['Something went wrong.', 'Что-то пошло не так.'],
  'error.not_found': ['It is not here any more.', 'Этого больше нет.'],
  'error.wrong_state': ['That is not possible now.', 'Сейчас это невозможно.'],
  'error.in_use': ['A painting still needs it.', 'Это ещё нужно картине.'],
  'error.unavailable': ['This part is not installed.', 'Эта часть не установлена.'],
  'error.too_large': ['The picture is too large.', 'Изображение слишком велико.'],
  'error.wrong_type': ['This is not a picture.', 'Это не изображение.'],
  'error.invalid': ['That does not fit.', 'Так не получится.'],
  'error.too_many': ['Too many at a time.', 'Слишком много сразу.'],
  'error.disk_full': ['The disk is full.', 'Диск заполнен.'],
};

const LANGUAGES = ['en', 'ru'];
const KEY = 'impasto.language';

let language = chosenLanguage();

/** Return the language that was chosen before, or the browser's. */
function chosenLanguage() {
  const saved = localStorage.getItem(KEY);
  const wanted = [saved || '', ...navigator.languages].map((code) => code.slice(0, 2));
  return wanted.find((code) => LANGUAGES.includes(code)) || 'en';
}

/**
 * Return a text in the present language.
 * @param {string} key
 * @param {Record<string, any>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = TEXTS[key]?.[LANGUAGES.indexOf(language)] ?? key;
  return text.replace(/\{(\w+)(?::([^}]*))?\}/g, (_, name, forms) => {
    if (forms) return plural(Number(values[name]), forms.split('|'));
    return typeof values[name] === 'number' ? t.number(values[name]) : String(values[name] ?? '');
  });
}

/** @param {number} count @param {string[]} forms */
function plural(count, forms) {
  const category = new Intl.PluralRules(language).select(count);
  const order = language === 'ru' ? ['one', 'few', 'many'] : ['one', 'other'];
  return forms[Math.max(0, order.indexOf(category))] ?? forms[forms.length - 1];
}

/** @param {string} key */
t.has = (key) => key in TEXTS;

t.language = () => language;

/** @param {string} code */
t.setLanguage = (code) => {
  language = LANGUAGES.includes(code) ? code : 'en';
  localStorage.setItem(KEY, language);
  document.documentElement.lang = language;
};

/** @param {number} value */
t.number = (value) => new Intl.NumberFormat(language, { maximumFractionDigits: 2, useGrouping: false }).format(value);

/** @param {number} seconds */
t.duration = (seconds) => {
  const unit = (/** @type {number} */ value, /** @type {string} */ name) =>
    new Intl.NumberFormat(language, { style: 'unit', unit: name, maximumFractionDigits: 0 }).format(value);
  if (seconds < 59.5) return unit(Math.max(1, Math.round(seconds)), 'second');
  if (seconds < 3570) return unit(Math.round(seconds / 60), 'minute');
  return `${unit(Math.floor(seconds / 3600), 'hour')} ${unit(Math.round((seconds % 3600) / 60), 'minute')}`;
};

/** @param {number} count */
t.bytes = (count) => {
  const [size, unit] = count >= 1e9 ? [count / 1e9, 'gigabyte'] : [count / 1e6, 'megabyte'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: size < 10 ? 1 : 0 }).format(size);
};

/** @param {number} seconds since 1970 */
t.date = (seconds) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(seconds * 1000);

document.documentElement.lang = language;
